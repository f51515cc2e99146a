import { readFileSync } from 'node:fs'
import { join } from 'node:path'
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
    t.match(stdout, /^Usage: fastify-reason-phrase <command>\n[^]*\n {2}call {4}sends a request.*\n {2}settle {2}closes .*\n {2}look {4}prints .*\n {2}check {3}checks .*\n {2}sign {4}prints /)
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

const names = ['call', 'settle', 'look', 'check', 'sign']

t.test('--help of each command has two examples, and each of its flags', async t => {
  for (const name of names) {
    for (const help of [['--help'], ['-h'], ['-H', 'a: b', '-kh'], ['--no-such-option', '--help']]) {
      const { code, stdout, stderr } = await output([name, ...help])
      t.strictSame({ code, stderr }, { code: 0, stderr: '' })
      t.match(stdout, new RegExp(`^Usage: fastify-reason-phrase ${name} .*\\[options\\]\n`))
      for (const line of stdout.split('\n')) t.ok(line.length <= 80, line)
      const [, examples] = /\n\nExamples:\n([^]*?)\n\nOptions:\n/.exec(stdout)!
      t.equal(examples!.match(new RegExp(`^ {2}npx fastify-reason-phrase ${name} `, 'gm'))!.length, 2)
      for (const flag of ['-H, --header', '--key', '-h, --help', '-V, --version', 'Exit code']) t.match(stdout, flag)
    }
  }
})

t.test('flags have the same name and placeholder in each command', async t => {
  const lines = new Map<string, Set<string>>()
  for (const name of names) {
    const { stdout } = await output([name, '--help'])
    for (const [, flag] of stdout.matchAll(/^ {2}((?:-\w, | {4})--[\w-]+.*?)(?: {2}.*)?$/gm)) {
      const [, long] = /--([\w-]+)/.exec(flag!)!
      lines.set(long!, (lines.get(long!) ?? new Set()).add(flag!.trim()))
    }
  }
  t.ok(lines.size > 20)
  for (const flags of lines.values()) t.equal(flags.size, 1, [...flags].join(' | '))
  t.ok(lines.get('header')!.has("-H, --header 'NAME: VALUE'"))
  t.ok(lines.get('reason-header')!.has('--reason-header NAME'))
})

t.test('--version prints the name and the version of the package', async t => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8'))
  for (const args of [['--version'], ['-V'], ...names.map(name => [name, '--version']), ['call', 'GET', '-iV']]) {
    t.strictSame(await output(args), { code: 0, stdout: `fastify-reason-phrase ${version}\n`, stderr: '' }, args.join(' '))
  }
})

t.test('does not treat --help and --version as options if they are the value of an option', async t => {
  for (const value of ['--help', '-h', '--version', '-V']) t.match(await output(['call', 'GET', 'http://127.0.0.1', '--header', value]), { code: 64, stdout: '' }, value)
})

t.test('does not treat --help after -- as an option', async t => {
  t.match(await output(['settle', '--', '--help']), { code: 64, stdout: '', stderr: 'settle takes a KEY, and --url URL' })
})

t.test('exits with 64 if there is no command, or an unknown command', async t => {
  t.match(await output([]), { code: 64, stdout: '', stderr: /^fastify-reason-phrase: no command\n\nUsage: / })
  for (const [name, nearest] of [['cal', 'call'], ['chek', 'check'], ['Settle', 'settle'], ['sing', 'sign']] as const) {
    t.match(await output([name, '--help']), { code: 64, stdout: '', stderr: `fastify-reason-phrase: unknown command; did you mean ${nearest}?\n\nUsage: ` }, name)
  }
  for (const name of ['dev:hush', 'toString', '__proto__', '--json', 'GET']) {
    t.match(await output([name, '--help']), { code: 64, stdout: '', stderr: /^fastify-reason-phrase: unknown command\n\nUsage: / }, name)
  }
})
