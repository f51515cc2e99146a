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
    t.match(stdout, /^Usage: fastify-reason-phrase <command>\n[^]*\n {2}call {4}sends a request/)
  }
})

t.test('--help after a command prints its usage', async t => {
  for (const args of [['call', '--help'], ['call', 'GET', '-h']]) {
    const { code, stdout, stderr } = await output(args)
    t.strictSame({ code, stderr }, { code: 0, stderr: '' })
    t.match(stdout, /^Usage: fastify-reason-phrase call METHOD URL \[options\]\n/)
    for (const option of ['--key', '--data', '--header', '--timeout', '--json', '--help', 'Exit code']) t.match(stdout, option)
    for (const line of stdout.split('\n')) t.ok(line.length <= 80, line)
  }
})

t.test('exits with 64 without a command, and for an unknown command', async t => {
  t.match(await output([]), { code: 64, stdout: '', stderr: /^fastify-reason-phrase: no command\n\nUsage: / })
  for (const name of ['cal', 'toString', '__proto__', '--json']) {
    t.match(await output([name, '--help']), { code: 64, stdout: '', stderr: /^fastify-reason-phrase: unknown command\n\nUsage: / }, name)
  }
})
