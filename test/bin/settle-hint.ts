import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { serve, type Received } from '../client/fixtures/servers.js'
import { runCommand, type Input } from './fixtures/run-command.js'

/** Starts a service that sends 503, and whose keys are all closed. Returns its URL, and the requests for outcomes. */
async function fail (t: Test, fields: Record<string, string> = {}) {
  const asked: Received[] = []
  const url = await serve(t, (request, response) => {
    if (request.method !== 'PUT') return response.writeHead(503, fields).end()
    asked.push(request)
    response.setHeader('content-type', 'application/json').end('{"state":"closed"}')
  })
  return { url, asked }
}

/** Returns the arguments that bash would pass to the printed command. */
function readCommand (stderr: string): string[] {
  const [, command] = /^ {2}npx (.*)$/m.exec(stderr)!
  return execFileSync('bash', ['-c', `print () { printf '%s\\0' "$@"; }; print ${command}`], { encoding: 'utf8' }).split('\0').slice(0, -1)
}

/** Calls a service that fails, and returns the standard error without the lines of the outcome. */
async function call (args: string[], input?: Input): Promise<string> {
  const { code, stderr } = await runCommand(['call', 'POST', ...args], input)
  if (code !== 2) throw new Error(`exit code ${code}: ${stderr}`)
  return stderr.replace(/^(?:outcome|status|reason|idempotency-key|attempts|replayed): .*\n/gm, '')
}

const TITLE = 'fastify-reason-phrase: this command settles the operation:\n'

t.test('prints the command that settles an unknown outcome', async t => {
  const { url, asked } = await fail(t)
  const stderr = await call([`${url}/v2/topic?a=b`, '--idempotency-key', 'k1', '--data', '{}'])
  t.equal(stderr, `${TITLE}  npx fastify-reason-phrase settle k1 --url ${url}\n`)
  const [program, ...args] = readCommand(stderr)
  t.equal(program, 'fastify-reason-phrase')
  t.match(await runCommand(args), { code: 1, stderr: 'The idempotency key was closed' })
  t.match(asked, [{ url: '/v2/operation/k1' }])
})

t.test('prints the command with a key of --idempotency-key auto, and with --json', async t => {
  const { url } = await fail(t)
  const stderr = await call([url, '--idempotency-key', 'auto', '--json'])
  t.match(stderr, new RegExp(`^fastify-reason-phrase: idempotency key: (\\S+)\\n${TITLE} {2}npx fastify-reason-phrase settle \\1 --url ${url}\\n$`))
})

t.test('prints no command if there is nothing to settle', async t => {
  const { url } = await fail(t)
  t.equal(await call([url]), '', 'prints no command without an idempotency key')
  for (const status of [204, 404]) {
    const origin = await serve(t, (_request, response) => { response.writeHead(status).end() })
    t.match(await runCommand(['call', 'POST', origin, '--idempotency-key', 'k1']), { stderr: /^(?!.*settle)/s }, `after ${status}`)
  }
})

t.test('prints no command if the service cannot report the outcome for this key', async t => {
  t.intercept(Math, 'random', { value: () => 0 })
  for (const status of ['expired', 'mismatch']) {
    let attempts = 0
    const origin = await serve(t, (_request, response) => {
      if (++attempts === 1) return response.destroy()
      response.writeHead(422, { 'idempotency-status': status }).end()
    })
    const { code, stderr } = await runCommand(['call', 'POST', origin, '--idempotency-key', 'k1', '--retry', '60s'])
    t.equal(code, 2)
    t.match(stderr, /^reason: The idempotency key (?:has expired|was used for another request)/m)
    t.notMatch(stderr, /settle/)
  }
  t.match(await call([(await fail(t, { 'idempotency-status': 'executing' })).url, '--idempotency-key', 'k1']), TITLE)
})

t.test('quotes each word so that a shell does not change it', async t => {
  t.testdir()
  const folder = join(t.testdirName, "it's a $HOME `x`")
  mkdirSync(folder)
  const file = join(folder, '"keys";*.json')
  writeFileSync(file, JSON.stringify([{ id: 'a b', secret: 'hush' }]), { mode: 0o600 })
  const { url, asked } = await fail(t)
  const keys = ['a b', "it's", '"', '\\', '$(id)', '`id`', '!!', '~', '*', '#a', 'a;b&c|d', '-h', '--', '--help', '-', '=a', "'", ' a ', 'a'.repeat(255)]
  for (const key of keys) {
    for (const keyFile of [file, `${file}#a b`]) {
      const stderr = await call([url, `--idempotency-key=${key}`, '--key', keyFile, '--outcomes', "/it's/a $b"])
      t.notMatch(stderr, /hush/)
      const args = readCommand(stderr).slice(1)
      t.ok(args.includes(keyFile), 'the key file is unchanged')
      t.match(await runCommand(args), { code: 1, stderr: /^outcome: rejected\nreason: The idempotency key was closed/ }, key)
      const { url: path, headers } = asked.at(-1)!
      t.equal(decodeURIComponent(path), `/it's/a $b/${key}`)
      t.match(headers['signature-input'], 'keyid="a b"')
    }
  }
})

t.test('prints a key file whose name looks like an option', async t => {
  const folder = t.testdir({ '-keys.json': JSON.stringify([{ id: 'dev', secret: 'hush' }]) })
  const before = process.cwd()
  process.chdir(folder)
  t.teardown(() => process.chdir(before))
  const { url } = await fail(t)
  const [, ...args] = readCommand(await call([url, '--idempotency-key', 'k1', '--key=-keys.json']))
  t.strictSame(args, ['settle', 'k1', '--url', url, '--key=-keys.json'])
  t.match(await runCommand(args), { code: 1 })
})

t.test('does not print secrets', async t => {
  const { url } = await fail(t)
  const ask = 'Pass the signing key on standard input.\n'
  const ways: Array<[args: string[], input: Input, more: string]> = [
    [['--key', 'dev:hush'], {}, ` --key -\n${ask}`],
    [['--key', '-'], { stdin: 'dev:hush' }, ` --key -\n${ask}`],
    [[], { env: { FASTIFY_REASON_PHRASE_KEY: 'dev:hush' } }, '\n'],
    [['--header', 'authorization: Bearer hush'], {}, '\nAdd your --header options. They are not printed, because they can be secret.\n'],
    [['--key', 'dev:hush', '--header', 'cookie: hush'], {}, ` --key -\n${ask}Add your --header options. They are not printed, because they can be secret.\n`],
    [['--data', '"hush"'], {}, '\n'],
    [['--reason-header', 'X-Reason'], {}, ' --reason-header X-Reason\n']
  ]
  for (const [args, input, more] of ways) {
    const stderr = await call([`${url}/hush?token=hush`, '--idempotency-key', 'k1', ...args], input)
    t.equal(stderr, `${TITLE}  npx fastify-reason-phrase settle k1 --url ${url}${more}`, args.join(' '))
  }
  const stderr = await call([url, '--idempotency-key', 'k1', '--key', 'dev:hush'])
  t.match(await runCommand(readCommand(stderr).slice(1), { stdin: 'dev:hush' }), { code: 1 }, 'the printed command works with the key on standard input')
})
