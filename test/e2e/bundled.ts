import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { build, type BuildOptions } from 'esbuild'
import t, { type Test } from 'tap'
import { connect, exchange, keepsContract, valuesOf, type Connection, type WireResponse } from '../fixtures/wire.js'

// A large bundle takes its time.
t.setTimeout(120_000)

const entry = join(import.meta.dirname, '..', 'fixtures', 'bundled-service.ts')

// Outside of this checkout, so that nothing is found that is not in the bundle.
const folder = mkdtempSync(join(tmpdir(), 'fastify-reason-phrase-'))
t.teardown(() => { rmSync(folder, { recursive: true }) })

/** A service in a process of its own. */
interface Started {
  port: number
  /** Tells the service to end, and resolves to its exit code and to what it printed as errors. */
  end: () => Promise<[code: number | null, errors: string]>
}

async function start (t: Test, command: string, args: string[], cwd: string): Promise<Started> {
  const { NODE_OPTIONS, NODE_V8_COVERAGE, NODE_PATH, ...env } = process.env
  // Later versions of Node warn of what tsx uses.
  const child = spawn(command, args, { cwd, env: { ...env, NODE_NO_WARNINGS: '1', _TAPJS_PROCESSINFO_COVERAGE_: '0' }, stdio: ['pipe', 'pipe', 'pipe'] })
  const exited = once(child, 'exit')
  let errors = ''
  child.stderr.on('data', data => { errors += data })
  const end = async (): Promise<[number | null, string]> => {
    child.stdin.end()
    const [code] = await exited
    return [code, errors]
  }
  t.teardown(end)
  for await (const line of createInterface(child.stdout)) {
    if (!line.startsWith('http://')) continue
    child.stdout.resume()
    return { port: Number(new URL(line).port), end }
  }
  throw new Error(`The service did not start: ${errors}`)
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`

// Each way in which a service answers an error, with what is not ASCII where a service can choose the text.
// The texts of Node's parser differ between its versions.
const errors: Array<[bytes: string, statusCode: number, reason?: string]> = [
  [get('/missing'), 404, 'Unknown'],
  [get('/thrown'), 422, 'Unprocessable'],
  [get('/failed'), 500, 'Internal Server Error'],
  [get('/raw'), 404, 'Unknown'],
  [get('/later'), 501, 'GET /later is not implemented yet'],
  [get('/signed'), 401, 'The request is not signed: it must have Signature-Input and Signature'],
  ['GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['Malformed\r\n\r\n', 400]
]

/** Sends each of the requests on a connection of its own, which had so many responses before. */
async function answers (connections: Connection[], before = 0): Promise<WireResponse[]> {
  return Promise.all(errors.map(async ([bytes], i) => {
    connections[i].write(Buffer.from(bytes, 'latin1'))
    return (await connections[i].responses(before + 1))[before]
  }))
}

function keeps (t: Test, responses: WireResponse[]): void {
  errors.forEach(([bytes, statusCode, reason], i) => {
    keepsContract(t, responses[i], statusCode, reason ?? valuesOf(responses[i], 'eb-reason-phrase')[0], JSON.stringify(bytes))
  })
}

function connected (t: Test, port: number): Connection[] {
  const connections = errors.map(() => connect(port))
  t.teardown(() => { for (const connection of connections) connection.destroy() })
  return connections
}

const formats: Array<BuildOptions & { format: 'cjs' | 'esm' }> = [
  { format: 'cjs' },
  // Fastify is CommonJS, and requires Node's modules.
  { format: 'esm', banner: { js: "import * as module from 'node:module'; const require = module.createRequire(import.meta.url)" } }
]

for (const options of formats) {
  for (const minify of [false, true]) {
    t.test(`a service that esbuild bundles as ${options.format}${minify ? ', minified,' : ''} answers as it does from source`, async t => {
      const outfile = join(folder, `${options.format}-${minify}.${options.format === 'cjs' ? 'cjs' : 'mjs'}`)
      const { warnings } = await build({ ...options, minify, entryPoints: [entry], outfile, bundle: true, platform: 'node', target: 'node20', logLevel: 'silent' })
      t.strictSame(warnings, [], 'esbuild warns of nothing')
      const { port, end } = await start(t, process.execPath, [outfile], folder)
      keeps(t, await answers(connected(t, port)))

      const calls = await exchange(port, get('/calls'))
      t.strictSame(JSON.parse(calls.body), {
        signed: { key: { id: 'test', permissions: ['read'] }, body: { a: 1 } },
        forbidden: 'The key lacks the permission write'
      }, 'signatures, permissions, client and kit')
      const document = JSON.parse((await exchange(port, get('/document'))).body)
      t.strictSame(Object.keys(document.paths['/signed'].post.responses), ['200', '401', '403', '500', '503'], 'openapi')
      t.equal((await exchange(port, get('/maintenance'))).statusCode, 200)
      keepsContract(t, await exchange(port, get('/calls')), 503, 'Unavailable', 'maintenance')
      t.strictSame(await end(), [0, ''])
    })
  }
}

t.test('a process without file descriptors answers errors as ever', async t => {
  const { port, end } = await start(t, 'sh', ['-c', 'ulimit -n 256; exec "$0" "$@"', process.execPath, '--import', 'tsx', entry], join(import.meta.dirname, '..', '..'))
  const connections = connected(t, port)
  // What is accepted has its descriptor.
  for (const connection of connections) connection.write(get('/leave'))
  await Promise.all(connections.map(connection => connection.responses(1)))
  const last = connect(port)
  t.teardown(() => { last.destroy() })
  last.write(get('/exhaust'))
  const [{ body }] = await last.responses(1)
  t.match(JSON.parse(body), { opened: Number, code: 'EMFILE' })

  keeps(t, await answers(connections, 1))
  t.strictSame(await end(), [0, ''])
})
