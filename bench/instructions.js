// The instructions that a request takes in its process, as valgrind counts
// them: no noise hides what they are made of.
//
//   npm run build && node bench/instructions.js     some minutes; writes nothing
import { spawnSync } from 'node:child_process'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(import.meta.url)

const HOOKS = ['onRequest', 'preSerialization', 'onSend']

/** Variants of a service: what it has of this plugin, or in its place. */
const VARIANTS = {
  Fastify: {},
  'Fastify, an empty onRequest hook': { hooks: ['onRequest'] },
  'Fastify, empty onRequest, preSerialization and onSend hooks': { hooks: HOOKS },
  'the same, with serverOptions()': { hooks: HOOKS, withServerOptions: true },
  'this plugin, serverOptions()': { withServerOptions: true, withPlugin: true }
}

// A success of 100 bytes, and how often it is asked for before and while it is counted.
const PATH = '/small'
const WARM_UP = 120_000
const COUNTED = 80_000

// The same optimisations in each run, and on the one thread that is counted.
const FLAGS = ['--single-threaded', '--predictable', '--hash-seed=1', '--random-seed=1']

if (process.argv.length > 2) {
  const [, , variant, amount] = process.argv
  await serve(VARIANTS[variant], Number(amount))
} else {
  console.log('200 with a schema, 100 bytes, instructions a request')
  for (const variant of Object.keys(VARIANTS)) {
    // The second run is longer by what is counted: what the first has, it has, too.
    const [before, all] = [WARM_UP, WARM_UP + COUNTED].map(amount => instructions(variant, amount))
    console.log(`  ${variant}: ${Math.round((all - before) / COUNTED)}`)
  }
}

function instructions (...args) {
  const { error, status, stderr } = spawnSync('valgrind', ['--tool=callgrind', '--callgrind-out-file=/dev/null', '--smc-check=all-non-file', process.execPath, ...FLAGS, script, ...args], { encoding: 'utf8' })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(stderr)
  return Number(/Collected : (\d+)/.exec(stderr)[1])
}

/** Answers requests in turn, without a socket, and so without parser and kernel. */
async function serve ({ hooks = [], withServerOptions = false, withPlugin = false }, amount) {
  const { default: plugin } = await import('./servers/reason-phrase.js')
  const { fastify } = await import('./servers/fastify.js')
  const { serverOptions } = await import('../dist/index.js')
  const options = withServerOptions ? serverOptions() : {}
  const server = withPlugin
    ? await plugin({ withServerOptions })
    : await fastify({
      options,
      register (app) {
        for (const hook of hooks) app.addHook(hook, hook === 'onRequest' ? (_request, _reply, done) => done() : (_request, _reply, _payload, done) => done())
      }
    })
  const Response = options.http?.ServerResponse ?? ServerResponse
  const socket = Object.assign(new Writable(), { cork () {}, uncork () {}, write: () => true })
  for (let i = 0; i < amount; i++) {
    const request = Object.assign(new IncomingMessage(socket), { method: 'GET', url: PATH, httpVersion: '1.1', httpVersionMajor: 1, httpVersionMinor: 1, complete: true })
    request._addHeaderLines(['Host', 'a'], 2)
    const response = new Response(request)
    response.assignSocket(socket)
    server.emit('request', request, response)
    while (!response.headersSent) await null
    response.detachSocket(socket)
  }
  process.exit()
}
