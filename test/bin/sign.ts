import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { findSignatureError, serve, type Received } from '../client/fixtures/servers.js'
import { runCommand, type Input } from './fixtures/run-command.js'

const run = promisify(execFile)

const KEY = ['--key', 'dev:hush']
const withoutCurl = await run('curl', ['--version']).then(() => false, () => 'there is no curl')

/** Starts a server that verifies the signature of each request. Returns its URL and the requests. */
async function start (t: Test) {
  const received: Received[] = []
  const url = await serve(t, (request, response) => {
    received.push(request)
    response.end(findSignatureError(request, 'dev', 'hush') ?? 'signed')
  })
  return { url, received }
}

/** Puts temporary files into the folder of the test. */
function useTemporaryFolder (t: Test): string {
  const folder = t.testdir()
  const { TMPDIR } = process.env
  process.env.TMPDIR = folder
  t.teardown(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  })
  return folder
}

const sign = async (args: string[], input?: Input) => await runCommand(['sign', ...args], input)

/** Parses a text of `name: value` lines. */
const parse = (text: string) => Object.fromEntries(text.trimEnd().split('\n').map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(': ') + 2)]))

t.test('prints the fields of a signed request', async t => {
  const { code, stdout, stderr } = await sign(['GET', 'http://127.0.0.1/a?b=c', ...KEY])
  t.strictSame([code, stderr], [0, ''])
  const fields = parse(stdout)
  t.strictSame(Object.keys(fields), ['signature', 'signature-input'])
  t.equal(findSignatureError({ method: 'GET', url: '/a?b=c', headers: fields, body: Buffer.from('') }, 'dev', 'hush'), undefined)

  const post = await sign(['POST', 'http://127.0.0.1/a', ...KEY, '-d', '{"a":"é"}', '--idempotency-key', 'k1'])
  const signed = parse(post.stdout)
  t.strictSame(Object.keys(signed), ['content-digest', 'content-type', 'idempotency-key', 'signature', 'signature-input'])
  t.match(signed, { 'content-type': 'application/json', 'idempotency-key': '"k1"', 'signature-input': /"content-digest" "idempotency-key"\)/ })
  t.equal(findSignatureError({ method: 'POST', url: '/a', headers: signed, body: Buffer.from('{"a":"é"}') }, 'dev', 'hush'), undefined)
})

t.test('does not print secrets', async t => {
  useTemporaryFolder(t)
  for (const more of [[], ['--curl']]) {
    const { code, stdout, stderr } = await sign(['POST', 'http://127.0.0.1/a', ...KEY, '-H', 'Authorization: Bearer hush', '-H', 'Content-Type: text/plain', '-d', 'hush', ...more])
    t.equal(code, 0)
    t.notMatch(stdout + stderr, /hush|authorization|text\/plain/i)
  }
})

t.test('prints the key that --idempotency-key auto creates', async t => {
  const { stdout, stderr } = await sign(['PUT', 'http://127.0.0.1/a', ...KEY, '--idempotency-key', 'auto'])
  const [, key] = /^fastify-reason-phrase: idempotency key: (\S+)\n$/.exec(stderr)!
  t.equal(parse(stdout)['idempotency-key'], `"${key}"`)
})

t.test('takes the key from the environment, and exits with 64 without a key', async t => {
  const args = ['GET', 'http://127.0.0.1/a']
  t.match(await sign(args, { env: { FASTIFY_REASON_PHRASE_KEY: 'dev:hush' } }), { code: 0 })
  t.match(await sign([...args, '--key', '-'], { stdin: 'dev:hush\n' }), { code: 0 })
  t.match(await sign(args), { code: 64, stdout: '', stderr: 'fastify-reason-phrase: sign needs a key: --key, or the environment variable FASTIFY_REASON_PHRASE_KEY\n' })
})

t.test('exits with 64 for invalid arguments, and prints the error and the usage to stderr', async t => {
  const url = 'http://127.0.0.1'
  const wrong: Array<[args: string[], message: string | RegExp]> = [
    [[], 'sign takes a METHOD and a URL'],
    [['GET'], 'sign takes a METHOD and a URL'],
    [['GET', 'ftp://127.0.0.1', ...KEY], 'The URL must be an http or https URL without a user'],
    [['GET', `${url}//a`, ...KEY], /^path must begin with one slash/],
    [['GET', url, ...KEY, '-d', '"hush"'], 'Request with GET/HEAD method cannot have body.'],
    [['POST', url, ...KEY, '--idempotency-key', ''], /^idempotencyKey must have/],
    [['POST', url, '--key', 'é:hush'], /^key must have an id of printable ASCII/],
    [['POST', url, ...KEY, '--crul'], "Unknown option '--crul'. Did you mean --curl?"],
    [['POST', url, ...KEY, '--retry', '60s'], /^Unknown option '--retry'/]
  ]
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await sign(args)
    t.strictSame([code, stdout], [64, ''], args.join(' '))
    const [first, ...rest] = stderr.split('\n')
    t.match(first!.replace('fastify-reason-phrase: ', ''), message)
    t.match(rest.join('\n'), /^Usage: fastify-reason-phrase sign METHOD URL/m)
    t.notMatch(stderr, /hush/)
  }
})

t.test('--curl prints arguments that every shell and curl -K can read', { skip: withoutCurl }, async t => {
  const folder = useTemporaryFolder(t)
  const { url, received } = await start(t)
  const body = join(folder, 'body of mine')
  writeFileSync(body, Buffer.from([0, 13, 10, 255, 64]))
  const requests: Array<[method: string, path: string, args: string[], body: string]> = [
    ['GET', '/', [], ''],
    ['GET', '/a?b=c&d=%20e&f=*?[1-3]{x,y}|$HOME`id`\'"', [], ''],
    ['HEAD', '/a', [], ''],
    ['DELETE', '/a/b%20c', ['-H', 'x-a: b  c', '-H', 'x-empty:'], ''],
    ['POST', '/v2/topic', ['--data', '{"name": "two words", "a": "$HOME \'\\" *"}', '--idempotency-key', 'a "b" c'], '{"name": "two words", "a": "$HOME \'\\" *"}'],
    ['POST', '/v2/topic', ['--data', '\n@ text\r\n', '-H', 'content-type: text/plain; charset=utf-8'], '\n@ text\r\n'],
    ['PUT', '/v2/topic', ['--data', `@${body}`, '-H', 'content-type: image/png'], '\0\r\n\xff@'],
    ['PATCH', '/a', ['--data', ''], '']
  ]
  for (const [method, path, args, sent] of requests) {
    for (const command of ['bash', 'sh', 'curl']) {
      const { code, stdout, stderr } = await sign([method, url + path, ...KEY, '--curl', ...args])
      t.strictSame([code, stderr], [0, ''])
      t.notMatch(stdout.replaceAll(/^--(?:request|header|data-binary|url) /gm, ''), / /, 'contains spaces only between arguments')
      const file = join(folder, 'arguments')
      writeFileSync(file, stdout)
      const { stdout: answer } = command === 'curl'
        ? await run('curl', ['-sS', '-K', file])
        : await run(command, ['-c', 'curl -sS $(cat "$0")', file], { cwd: folder })
      if (method !== 'HEAD') t.equal(answer, 'signed', `${command}: ${method} ${path}`)
      const request = received.pop()!
      t.equal(findSignatureError(request, 'dev', 'hush'), undefined, command)
      t.strictSame([request.method, request.body.toString('latin1')], [method, sent])
      t.equal(request.url, new URL(path, url).href.slice(url.length))
      if (path === '/a/b%20c') t.match(request.headers, { 'x-a': 'b  c', 'x-empty': '' })
    }
  }
  t.equal(received.length, 0)
})

t.test('--curl writes files that only this user can read, and removes old ones', async t => {
  const folder = useTemporaryFolder(t)
  const old = mkdtempSync(join(folder, 'fastify-reason-phrase-curl-'))
  const recent = mkdtempSync(join(folder, 'fastify-reason-phrase-curl-'))
  const other = join(folder, 'other')
  mkdirSync(other)
  writeFileSync(join(old, 'fields'), '')
  for (const path of [old, other]) utimesSync(path, 0, 0)
  const { stdout } = await sign(['POST', 'http://127.0.0.1/a', ...KEY, '-d', '{}', '--curl', '-H', 'Authorization: Bearer hush'])
  const [, fields] = /^--header @(.*)$/m.exec(stdout)!
  const [, body] = /^--data-binary @(.*)$/m.exec(stdout)!
  t.match(readFileSync(fields!, 'utf8'), /^authorization: Bearer hush$/m)
  const head = await sign(['HEAD', 'http://127.0.0.1/a', ...KEY, '--curl', '-H', 'x-empty:'])
  t.match(head.stdout, /^--globoff\n--head\n--header @.*\n--url http:\/\/127\.0\.0\.1\/a\n$/)
  t.match(readFileSync(/^--header @(.*)$/m.exec(head.stdout)![1]!, 'utf8'), /^x-empty;$/m)
  t.equal(readFileSync(body!, 'utf8'), '{}')
  for (const file of [fields!, body!]) t.equal(statSync(file).mode & 0o077, 0)
  t.strictSame([existsSync(old), existsSync(recent), existsSync(other)], [false, true, true])
  t.equal(readdirSync(folder).length, 4)
})

t.test('--curl rejects a temporary folder with a space in its path, and says what to do', async t => {
  const folder = useTemporaryFolder(t)
  process.env.TMPDIR = join(folder, 'with space')
  t.equal(tmpdir(), process.env.TMPDIR)
  t.match(await sign(['GET', 'http://127.0.0.1/a', ...KEY, '--curl']), { code: 64, stdout: '', stderr: 'fastify-reason-phrase: --curl needs a folder for temporary files without spaces in its path. Set the environment variable TMPDIR\n' })
})
