import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { serveSigned } from '../client/fixtures/servers.js'
import { runCommand, type Input } from './fixtures/run-command.js'

const call = async (args: string[], input?: Input) => await runCommand(['call', ...args], input)

const keys = [
  { id: 'dev', secret: 'hush', permissions: ['topic:read'] },
  { id: 'a#b', secret: 'another', permissions: [] }
]

/** Matches a standard error that contains only the outcome of a success. */
const ONLY_OUTCOME = /^outcome: success\nstatus: 200\n$/
const OUTCOME = 'outcome: success\nstatus: 200\n'

/** Writes a file into the directory of the test, and returns its path. */
function file (t: Test, name: string, content: string | Buffer, mode = 0o644): string {
  const path = join(t.testdirName, name)
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

t.test('--key signs with the first key of a file, a key by its id, or ID:SECRET', async t => {
  t.testdir()
  const path = file(t, 'keys.json', JSON.stringify(keys))
  const dev = `${await serveSigned(t, 'dev', 'hush')}/a?b`
  const other = await serveSigned(t, 'a#b', 'another')

  t.match(await call(['GET', dev]), { code: 1, stderr: 'reason: Signature-Input' })
  t.match(await call(['GET', dev, '--key', 'dev:hush']), { code: 0 })
  t.match(await call(['GET', dev, '--key', 'dev:hash']), { code: 1, stderr: 'reason: Signature\n' })
  t.match(await call(['--key', path, 'GET', dev]), { code: 0 }, 'the first key of a file')
  t.match(await call(['GET', dev, `--key=${path}#dev`]), { code: 0 })
  t.match(await call(['GET', await serveSigned(t, 'dev', 'a:b#c'), '--key', 'dev:a:b#c']), { code: 0 })
  const odd = file(t, 'keys#1.json', JSON.stringify([keys[1]]))
  t.match(await call(['GET', other, '--key', odd]), { code: 0 }, 'a file with a # in its name')

  t.test('explains an invalid key without quoting it', async t => {
    t.testdir()
    const wrong: Array<[key: string, message: string]> = [
      ['hush', '--key: no such file. It must be a file of keys, or id:secret'],
      [':hush', '--key: no such file. It must be a file of keys, or id:secret'],
      ['hush:', '--key: no such file. It must be a file of keys, or id:secret'],
      [join(t.testdirName, 'nothing'), '--key: no such file. It must be a file of keys, or id:secret'],
      ['é:hush', 'key must have an id of printable ASCII, and a secret that is not empty'],
      [t.testdirName, 'The file of --key cannot be read: it is a folder, not a file'],
      [file(t, 'text', 'hush'), 'The file of --key is not JSON'],
      [file(t, 'cut', '[{"id":"dev","secret":"hush"'), 'The file of --key is not JSON'],
      [file(t, 'object', '{"id":"dev","secret":"hush"}'), 'The file of --key must be a JSON array of { id, secret, permissions }'],
      [file(t, 'strings', '["hush"]'), 'The file of --key must be a JSON array of { id, secret, permissions }'],
      [file(t, 'null', '[null]'), 'The file of --key must be a JSON array of { id, secret, permissions }'],
      [file(t, 'number', '[{"id":"dev","secret":1}]'), 'The file of --key must be a JSON array of { id, secret, permissions }'],
      [file(t, 'empty', '[]'), 'The file of --key has no key'],
      [`${file(t, 'keys', JSON.stringify(keys))}#hush`, 'The file of --key has no key with this id']
    ]
    for (const [key, message] of wrong) {
      const { code, stdout, stderr } = await call(['GET', dev, '--key', key])
      t.equal(code, 64, key)
      t.equal(stdout, '')
      t.equal(stderr.split('\n')[0], `fastify-reason-phrase: ${message}`)
      t.notMatch(stderr, /hush/)
    }
  })
})

t.test('reads the key from the environment variable', async t => {
  t.testdir()
  const path = file(t, 'keys.json', JSON.stringify(keys), 0o600)
  const dev = await serveSigned(t, 'dev', 'hush')
  const withKey = async (url: string, FASTIFY_REASON_PHRASE_KEY: string, ...args: string[]) => await call(['GET', url, ...args], { env: { FASTIFY_REASON_PHRASE_KEY } })
  t.match(await withKey(dev, 'dev:hush'), { code: 0, stderr: ONLY_OUTCOME })
  t.match(await withKey(dev, path), { code: 0, stderr: ONLY_OUTCOME })
  t.match(await withKey(dev, 'dev:wrong', '--key', 'dev:hush'), { code: 0, stderr: ONLY_OUTCOME }, '--key takes precedence')
  t.match(await withKey(dev, ''), { code: 1, stderr: 'reason: Signature-Input' }, 'an empty variable is ignored')
  const wrong: Array<[value: string, message: string]> = [
    ['hush', 'FASTIFY_REASON_PHRASE_KEY: no such file. It must be a file of keys, or id:secret'],
    ['-', 'FASTIFY_REASON_PHRASE_KEY: no such file. It must be a file of keys, or id:secret'],
    [file(t, 'text', 'hush'), 'The file of FASTIFY_REASON_PHRASE_KEY is not JSON'],
    [`${path}#hush`, 'The file of FASTIFY_REASON_PHRASE_KEY has no key with this id'],
    [t.testdirName, 'The file of FASTIFY_REASON_PHRASE_KEY cannot be read: it is a folder, not a file']
  ]
  for (const [value, message] of wrong) {
    const { code, stderr } = await withKey(dev, value)
    t.equal(code, 64, value)
    t.equal(stderr.split('\n')[0], `fastify-reason-phrase: ${message}`)
    t.notMatch(stderr, /hush/)
  }
})

t.test('reads the key from standard input', async t => {
  const dev = await serveSigned(t, 'dev', 'hush')
  for (const stdin of ['dev:hush', 'dev:hush\n', 'dev:hush\r\n', JSON.stringify(keys), `\n${JSON.stringify(keys, null, 2)}\n`]) {
    t.match(await call(['GET', dev, '--key', '-'], { stdin }), { code: 0, stderr: ONLY_OUTCOME }, JSON.stringify(stdin))
  }
  t.match(await call(['GET', await serveSigned(t, 'dev', ' a:b\n'), '--key=-'], { stdin: 'dev: a:b\n\n' }), { code: 0 }, 'removes only the last line break from the secret')
  t.match(await call(['GET', dev, '--key', '-'], { stdin: 'dev:hush', env: { FASTIFY_REASON_PHRASE_KEY: 'dev:wrong' } }), { code: 0 })
  t.match(await call(['POST', dev, '--key', '-', '--data', '{}'], { stdin: 'dev:hush' }), { code: 0 })
  const wrong: Array<[stdin: string, message: string]> = [
    ['', '--key - expects id:secret, or the JSON of a file of keys, on standard input'],
    ['\n', '--key - expects id:secret, or the JSON of a file of keys, on standard input'],
    ['hush', '--key - expects id:secret, or the JSON of a file of keys, on standard input'],
    [':hush', '--key - expects id:secret, or the JSON of a file of keys, on standard input'],
    ['dev:\n', '--key - expects id:secret, or the JSON of a file of keys, on standard input'],
    ['[{"id":"dev","secret":"hush"', 'The standard input of --key is not JSON'],
    ['{"id":"dev","secret":"hush"}', 'The standard input of --key must be a JSON array of { id, secret, permissions }'],
    ['[]', 'The standard input of --key has no key']
  ]
  for (const [stdin, message] of wrong) {
    const { code, stderr } = await call(['GET', dev, '--key', '-'], { stdin })
    t.equal(code, 64, stdin)
    t.equal(stderr.split('\n')[0], `fastify-reason-phrase: ${message}`)
    t.notMatch(stderr, /hush/)
  }
  t.match(await call(['POST', dev, '--key', '-', '--data', '-'], { stdin: 'dev:hush' }), { code: 64, stderr: 'fastify-reason-phrase: --key - and --data - cannot both read standard input\n' })
})

t.test('warns if other users can read the key file', async t => {
  t.testdir()
  const dev = await serveSigned(t, 'dev', 'hush')
  const warning = (source: string) => `fastify-reason-phrase: other users can read the file of ${source}: remove their permission with chmod 600\n`
  for (const [mode, stderr] of [[0o600, ''], [0o400, ''], [0o611, ''], [0o640, warning('--key')], [0o604, warning('--key')], [0o644, warning('--key')]] as const) {
    const path = file(t, mode.toString(8), JSON.stringify(keys), mode)
    const { code, stderr: printed } = await call(['GET', dev, '--key', path])
    t.strictSame([code, printed], [0, stderr + OUTCOME], mode.toString(8))
  }
  const shared = file(t, 'shared', JSON.stringify(keys), 0o644)
  t.equal((await call(['GET', dev, '--key', `${shared}#dev`])).stderr, warning('--key') + OUTCOME)
  t.equal((await call(['GET', dev], { env: { FASTIFY_REASON_PHRASE_KEY: shared } })).stderr, warning('FASTIFY_REASON_PHRASE_KEY') + OUTCOME)
  t.intercept(process, 'platform', { value: 'win32' })
  t.equal((await call(['GET', dev, '--key', shared])).stderr, OUTCOME, 'no warning on Windows')
})

t.test('--help warns about secrets in the process list, and lists the alternatives', async t => {
  const { stdout } = await call(['--help'])
  t.match(stdout, /^ {4}ID:SECRET +the key itself; other users can see it in the process list$/m)
  t.match(stdout, /^ {4}- +ID:SECRET, or the content of such a file, on standard input$/m)
  t.match(stdout, /FASTIFY_REASON_PHRASE_KEY/)
  for (const line of stdout.split('\n')) t.ok(line.length <= 80, line)
})
