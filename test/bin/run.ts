import { PassThrough, Readable } from 'node:stream'
import t from 'tap'
import { run } from '../../bin/run.js'

async function output (args: string[]) {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const code = await run(args, { stdin: Readable.from([]), stdout, stderr }, {})
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') }
}

t.test('--help lists the commands', async t => {
  for (const help of ['--help', '-h']) {
    const { code, stdout, stderr } = await output([help])
    t.strictSame({ code, stderr }, { code: 0, stderr: '' })
    t.match(stdout, /^Usage: fastify-reason-phrase <command>\n[^]*\n {2}call {4}sends a request.*\n {2}settle {2}closes .*\n {2}look {4}prints .*\n {2}check {3}checks /)
  }
})

t.test('--help after a command prints its usage', async t => {
  for (const args of [['call', '--help'], ['call', 'GET', '-h']]) {
    const { code, stdout, stderr } = await output(args)
    t.strictSame({ code, stderr }, { code: 0, stderr: '' })
    t.match(stdout, /^Usage: fastify-reason-phrase call METHOD URL \[options\]\n/)
    for (const option of ['--key', '--data', '--header', '--idempotency-key', '--retry', '--outcomes', '--timeout', '--json', '--help', 'Exit code']) t.match(stdout, option)
    for (const line of stdout.split('\n')) t.ok(line.length <= 80, line)
  }
})

t.test('--help after settle and look prints their usage', async t => {
  for (const name of ['settle', 'look']) {
    const { code, stdout, stderr } = await output([name, '--help'])
    t.strictSame({ code, stderr }, { code: 0, stderr: '' })
    t.match(stdout, new RegExp(`^Usage: fastify-reason-phrase ${name} KEY --url URL \\[options\\]\n`))
    for (const option of ['--url', '--outcomes', '--key', '--retry', '--header', '--timeout', '--json', '--help', 'Exit code']) t.match(stdout, option)
    for (const line of stdout.split('\n')) t.ok(line.length <= 80, line)
  }
})

t.test('--help after -- is no option', async t => {
  t.match(await output(['settle', '--', '--help']), { code: 64, stdout: '', stderr: 'settle takes a KEY, and --url URL' })
})

t.test('exits with 64 without a command, and for an unknown command', async t => {
  t.match(await output([]), { code: 64, stdout: '', stderr: /^fastify-reason-phrase: no command\n\nUsage: / })
  for (const name of ['cal', 'toString', '__proto__', '--json']) {
    t.match(await output([name, '--help']), { code: 64, stdout: '', stderr: /^fastify-reason-phrase: unknown command\n\nUsage: / }, name)
  }
})
