import t from 'tap'
import { Verifier } from '../../../lib/signature/verifier.js'
import { keys, NOW, signed, stopClock, verdict } from '../../fixtures/verify.js'

t.test('rejects parameters that are missing, malformed, or not valid now', async t => {
  stopClock(t)
  const verifier = new Verifier({ keys })
  const good = signed()
  const input = good['signature-input']
  const cases: Array<[fields: Record<string, string>, reason: string]> = [
    [signed({ parameters: ';alg="hmac-sha512"' }), 'The algorithm of the key is hmac-sha256'],
    [signed({ parameters: ';alg=hmac-sha256' }), 'The algorithm of the key is hmac-sha256'],
    [signed({ parameters: ';alg' }), 'The algorithm of the key is hmac-sha256'],
    [signed({ created: 1.5 }), 'The signature must have the parameter created, in whole seconds since 1970'],
    [{ ...good, 'signature-input': input.replace(/;created=\d+/, '') }, 'The signature must have the parameter created, in whole seconds since 1970'],
    [{ ...good, 'signature-input': input.replace(/;created=\d+/, ';created') }, 'The signature must have the parameter created, in whole seconds since 1970'],
    [{ ...good, 'signature-input': input.replace(/;created=(\d+)/, ';created="$1"') }, 'The signature must have the parameter created, in whole seconds since 1970'],
    [{ ...good, 'signature-input': `${input.replace(/;created=\d+/, '')};created=@${NOW}` }, 'The signature must have the parameter created, in whole seconds since 1970'],
    [signed({ created: NOW - 301 }), 'The signature was created more than 300 seconds ago: sign each request when you send it, and set the clock'],
    [signed({ created: -NOW }), 'The signature was created more than 300 seconds ago: sign each request when you send it, and set the clock'],
    [signed({ created: NOW + 31 }), 'The signature was created in the future: set the clock'],
    [signed({ created: 999_999_999_999_999 }), 'The signature was created in the future: set the clock'],
    [signed({ parameters: `;expires=${NOW}` }), 'The signature has expired'],
    [signed({ parameters: ';expires=0' }), 'The signature has expired'],
    [signed({ parameters: `;expires="${NOW + 9}"` }), 'The parameter expires of the signature must be in whole seconds since 1970'],
    [signed({ parameters: ';expires' }), 'The parameter expires of the signature must be in whole seconds since 1970']
  ]
  for (const [fields, reason] of cases) {
    t.equal(await verdict(verifier, fields), reason, fields['signature-input'])
    t.match(reason, /^[ -~]{1,128}$/, 'the message fits into a reason phrase')
  }
})

t.test('accepts a signature from clockSkew before its creation until maxAge or expires', async t => {
  const time = stopClock(t)
  const verifier = new Verifier({ keys, maxAge: 10, clockSkew: 2 })
  const fields = signed({ parameters: `;expires=${NOW + 5}` })
  const verdicts: Array<[at: number, expected: RegExp]> = [[-2.001, /future/], [-2, /^ok/], [4.999, /^ok/], [5, /expired/], [10, /expired/], [10.001, /more than 10 seconds/]]
  for (const [at, expected] of verdicts) {
    time.seconds = NOW + at
    t.match(await verdict(verifier, fields), expected, `${at} s`)
  }
  const strict = new Verifier({ keys, maxAge: 1, clockSkew: 0 })
  for (const [at, expected] of [[-0.001, /future/], [0, /^ok/], [1, /^ok/], [1.001, /more than 1 seconds/]] as const) {
    time.seconds = NOW + at
    t.match(await verdict(strict, signed()), expected, `${at} s, strictly`)
  }
})
