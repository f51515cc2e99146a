import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { serve } from '../client/fixtures/servers.js'
import { TYPESCRIPT, withoutTap } from '../fixtures/node-process.js'

const run = promisify(execFile)

// The tests start processes, which takes time.
t.setTimeout(300_000)

const root = join(import.meta.dirname, '..', '..')

/** The command line of the program. */
const PROGRAM = [process.execPath, TYPESCRIPT, join('bin', 'fastify-reason-phrase.ts')].map(word => `'${word}'`).join(' ')

const withoutJq = await run('jq', ['--version']).then(() => false, () => 'there is no jq')

/** Runs a command in bash, where `program` runs the program. */
async function bash (command: string): Promise<{ code: number, stdout: Buffer, stderr: string }> {
  const script = `program () { ${PROGRAM} "$@"; }; ${command}`
  try {
    const { stdout, stderr } = await run(...withoutTap('bash', '-c', script), { cwd: root, encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 })
    return { code: 0, stdout, stderr: String(stderr) }
  } catch (error) {
    const { code, stdout, stderr } = error as unknown as { code: number, stdout: Buffer, stderr: Buffer }
    return { code, stdout, stderr: String(stderr) }
  }
}

const BYTES = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => i % 256))
const LINES = 'line\n'.repeat(200_000)

t.test('call works with other programs in a pipe', async t => {
  const url = await serve(t, ({ url }, response) => {
    if (url === '/missing') return response.writeHead(404, { 'eb-reason-phrase': 'No topic' }).end()
    if (url === '/bytes') return response.end(BYTES)
    if (url === '/lines') return response.setHeader('content-type', 'text/plain').end(LINES)
    response.setHeader('content-type', 'application/json').end('{"items": [1, 2]}')
  })

  t.test('passes the body to jq', { skip: withoutJq }, async t => {
    const { stdout, stderr } = await bash(`program call GET ${url} | jq -c .items`)
    t.strictSame([String(stdout), stderr], ['[1,2]\n', 'outcome: success\nstatus: 200\n'])
    const missing = await bash(`set -o pipefail; program call GET ${url}/missing | jq .`)
    t.strictSame([missing.code, String(missing.stdout), missing.stderr], [1, '', 'outcome: rejected\nstatus: 404\nreason: No topic\n'])
  })

  t.test('passes on each byte', async t => {
    const { stdout } = await bash(`program call GET ${url}/bytes | cat`)
    t.ok(stdout.equals(BYTES))
  })

  t.test('prints no stack trace if the reader closes the pipe early', async t => {
    for (const pipe of ['| head -1', '| head -c 1 >/dev/null', '2>&1 | head -1', '| true', '2>&1 | true']) {
      const { stdout, stderr } = await bash(`{ program call GET ${url}/lines; echo "exit code $?" >&3; } 3>&2 ${pipe}`)
      t.match(stderr, /exit code 0\n$/, pipe)
      t.notMatch(String(stdout) + stderr, /Error|EPIPE|\bat /, pipe)
    }
    const help = await bash('{ program check --help; echo "exit code $?" >&3; } 3>&2 | true')
    t.equal(help.stderr, 'exit code 0\n')
    const wrong = await bash('{ program call --no-such 2>&1; echo "exit code $?" >&3; } 3>&2 | true')
    t.equal(wrong.stderr, 'exit code 64\n')
    const check = await bash(`{ program check ${url} --only text-root 2>&1; echo "exit code $?" >&3; } 3>&2 | true`)
    t.equal(check.stderr, 'exit code 0\n')
  })
})
