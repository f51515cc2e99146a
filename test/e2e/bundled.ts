import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { build, type BuildOptions } from 'esbuild'
import t, { type Test } from 'tap'
import { TYPESCRIPT, withoutTap } from '../fixtures/node-process.js'
import { connect, exchange, assertErrorResponse, valuesOf, type Connection, type WireResponse } from '../fixtures/wire.js'

// Bundling is slow.
t.setTimeout(120_000)

const entry = join(import.meta.dirname, '..', 'fixtures', 'bundled-service.ts')

// Use a folder outside of the project, so that the bundle cannot find the packages of the project.
const folder = mkdtempSync(join(tmpdir(), 'fastify-reason-phrase-'))
t.teardown(() => { rmSync(folder, { recursive: true }) })

/** A service that runs in a separate process. */
interface Started {
  port: number
  /** Ends the service. Resolves to its exit code and its standard error. */
  end: () => Promise<[code: number | null, errors: string]>
}

async function start (t: Test, command: string, args: string[], cwd: string): Promise<Started> {
  const { NODE_PATH, ...env } = process.env
  // Disable warnings, because later versions of Node warn about module hooks.
  const child = spawn(...withoutTap(command, ...args), { cwd, env: { ...env, NODE_NO_WARNINGS: '1' }, stdio: ['pipe', 'pipe', 'pipe'] })
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

// The ways in which a service sends an error, with non-ASCII text where the service can choose the text. Some rows have no
// message, because the messages of Node's parser differ between versions.
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

/** Sends each request on its own connection, after this number of other responses on the connection. */
async function answers (connections: Connection[], before = 0): Promise<WireResponse[]> {
  return Promise.all(errors.map(async ([bytes], i) => {
    connections[i].write(Buffer.from(bytes, 'latin1'))
    return (await connections[i].responses(before + 1))[before]
  }))
}

function assertErrors (t: Test, responses: WireResponse[]): void {
  errors.forEach(([bytes, statusCode, reason], i) => {
    assertErrorResponse(t, responses[i], statusCode, reason ?? valuesOf(responses[i], 'eb-reason-phrase')[0], JSON.stringify(bytes))
  })
}

function connected (t: Test, port: number): Connection[] {
  const connections = errors.map(() => connect(port))
  t.teardown(() => { for (const connection of connections) connection.destroy() })
  return connections
}

const formats: Array<BuildOptions & { format: 'cjs' | 'esm' }> = [
  { format: 'cjs' },
  // Fastify is CommonJS, and calls require() for modules of Node.
  { format: 'esm', banner: { js: "import * as module from 'node:module'; const require = module.createRequire(import.meta.url)" } }
]

for (const options of formats) {
  for (const minify of [false, true]) {
    t.test(`a service bundled by esbuild as ${options.format}${minify ? ', minified,' : ''} sends the same errors as from source`, async t => {
      const outfile = join(folder, `${options.format}-${minify}.${options.format === 'cjs' ? 'cjs' : 'mjs'}`)
      const { warnings } = await build({ ...options, minify, entryPoints: [entry], outfile, bundle: true, platform: 'node', target: 'node20', logLevel: 'silent' })
      t.strictSame(warnings, [], 'esbuild prints no warning')
      const { port, end } = await start(t, process.execPath, [outfile], folder)
      assertErrors(t, await answers(connected(t, port)))

      const calls = await exchange(port, get('/calls'))
      t.strictSame(JSON.parse(calls.body), {
        signed: { key: { id: 'test', permissions: ['read'] }, body: { a: 1 } },
        forbidden: 'The key lacks the permission write'
      }, 'signatures, permissions, the client and the conformance kit work')
      const document = JSON.parse((await exchange(port, get('/document'))).body)
      t.strictSame(Object.keys(document.paths['/signed'].post.responses), ['200', '401', '403', '500', '503'], 'openapi')
      t.match(JSON.parse((await exchange(port, get('/page'))).body), { js: [{ filename: 'reason-phrase.js', content: 'extendSwaggerUi(HEADERS)' }] }, 'the script of Swagger UI is in the bundle')
      t.equal((await exchange(port, get('/maintenance'))).statusCode, 200)
      assertErrorResponse(t, await exchange(port, get('/calls')), 503, 'Unavailable', 'maintenance')
      t.strictSame(await end(), [0, ''])
    })
  }
}

t.test('a process that has run out of file descriptors sends the same errors', async t => {
  const { port, end } = await start(t, 'sh', ['-c', 'ulimit -n 256; exec "$0" "$@"', process.execPath, TYPESCRIPT, entry], join(import.meta.dirname, '..', '..'))
  const connections = connected(t, port)
  // An accepted connection already has its file descriptor.
  for (const connection of connections) connection.write(get('/leave'))
  await Promise.all(connections.map(connection => connection.responses(1)))
  const last = connect(port)
  t.teardown(() => { last.destroy() })
  last.write(get('/exhaust'))
  const [{ body }] = await last.responses(1)
  t.match(JSON.parse(body), { opened: Number, code: 'EMFILE' })

  assertErrors(t, await answers(connections, 1))
  t.strictSame(await end(), [0, ''])
})
