import t from 'tap'
import { Verifier } from '../../../lib/signature/verifier.js'
import { keys, NOT_VALID, NOW, signed, stopClock, verdict } from '../../fixtures/verify.js'

t.test('rejects a request without a signature, or with a malformed one', async t => {
  stopClock(t)
  const verifier = new Verifier({ keys })
  const good = signed()
  const input = good['signature-input']
  const cases: Array<[fields: Record<string, string>, reason: string]> = [
    [{}, 'The request is not signed: it must have Signature-Input and Signature'],
    [{ signature: good.signature }, 'The request is not signed: it must have Signature-Input and Signature'],
    [{ 'signature-input': input }, 'The request is not signed: it must have Signature-Input and Signature'],
    [{ ...good, 'signature-input': '' }, 'The request has no signature with the parameter keyid'],
    [{ ...good, 'signature-input': '(' }, 'The Signature-Input field is malformed'],
    [{ ...good, 'signature-input': `${input},` }, 'The Signature-Input field is malformed'],
    [{ ...good, 'signature-input': input.toUpperCase() }, 'The Signature-Input field is malformed'],
    [{ ...good, 'signature-input': 'sig1="@method";keyid="test"' }, 'The Signature-Input field is malformed'],
    [{ ...good, 'signature-input': 'sig1' }, 'The Signature-Input field is malformed'],
    [{ ...good, signature: 'sig1=:%:' }, 'The Signature field is malformed'],
    [{ ...good, signature: 'sig1="text"' }, 'The Signature field is malformed'],
    [{ ...good, signature: 'sig1=(:AAAA:)' }, 'The Signature field is malformed'],
    [{ ...good, signature: good.signature.replace('sig1', 'sig2') }, 'The request has no signature with the parameter keyid'],
    [{ ...good, 'signature-input': input.replace(/;keyid="[^"]*"/, '') }, 'The request has no signature with the parameter keyid'],
    [{ ...good, 'signature-input': input.replace('"test"', 'test') }, 'The request has no signature with the parameter keyid']
  ]
  for (const [fields, reason] of cases) {
    t.equal(await verdict(verifier, fields), reason, fields['signature-input'])
    t.match(reason, /^[ -~]{1,128}$/, 'the message fits into a reason phrase')
  }
})

t.test('serializes the parameters strictly (RFC 9421 section 2.5)', async t => {
  stopClock(t)
  const verifier = new Verifier({ keys })
  for (const parameters of [
    ';ttl=60.0', ';a=1.5;b=-0.5;c=0.0', ';ttl=100000.0;keep', ';at=@123;x=1', ';name=%"caf%c3%a9 %0a"', ';x="a\\"b\\\\"', ';t=tok/en:*', ';b=:AQI=:', ';y;n=?0', ';expires=1700000009;ttl=60.0'
  ]) {
    t.equal(await verdict(verifier, signed({ parameters })), 'ok', parameters)
  }
  for (const [sent, strict] of [[';ttl=60.00', ';ttl=60.0'], [';ttl=1.50', ';ttl=1.5'], [';z=-0.0', ';z=0.0'], [';z=-0', ';z=0'], [';z=007', ';z=7'], [';y=?1', ';y'], [';b=:AR==:', ';b=:AQ==:'], [';  a=1;a=2', ';a=2'], [';d=%"%61"', ';d=%"a"']]) {
    const { signature, 'signature-input': input } = signed({ parameters: strict })
    t.equal(await verdict(verifier, { signature, 'signature-input': input.replace(strict, sent) }), 'ok', `${sent} is ${strict}`)
  }
  for (const [sent, other] of [[';ttl=60', ';ttl=60.0'], [';ttl=60.0', ';ttl=60'], [';t=tok', ';t="tok"'], [';at=@123', ';at=123']]) {
    const { signature, 'signature-input': input } = signed({ parameters: other })
    t.equal(await verdict(verifier, { signature, 'signature-input': input.replace(other, sent) }), NOT_VALID, `${sent} is not ${other}`)
  }
  t.equal(await verdict(verifier, { ...signed({ components: ['"@method"', '"@path"', '"@query"', '"x-a";sf'], values: { '"x-a";sf': 'strict a' } }), 'x-a': 'a' }), 'ok')
  const { signature, 'signature-input': input } = signed()
  t.equal(await verdict(verifier, { signature, 'signature-input': input.replace(`${NOW}`, `${NOW}.0`) }), 'The signature must have the parameter created, in whole seconds since 1970', 'a decimal is not an integer')
  t.equal(await verdict(verifier, signed({ parameters: `;expires=${NOW + 9}.0` })), 'The parameter expires of the signature must be in whole seconds since 1970')
  t.equal(await verdict(verifier, signed({ components: [`"x-a"${Array.from({ length: 9 }, (_, i) => `;p${9 - i}`).join('')}`] })), 'The signature must cover "@method"', 'more than eight parameters are not sorted')
})
