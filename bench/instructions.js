// The instructions that a request takes in its process, as valgrind counts
// them: no noise hides what they are made of.
//
//   npm run build && node bench/instructions.js     some minutes; writes nothing
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(import.meta.url)

/** Variants of a service: what it has of this plugin, or in its place. */
const VARIANTS = {
  Fastify: {},
  'Fastify, an empty onRequest hook': { hooks: ['onRequest'] },
  'Fastify, empty onRequest, preSerialization and onSend hooks': { hooks: ['onRequest', 'preSerialization', 'onSend'] },
  'the same, with serverOptions()': { hooks: ['onRequest', 'preSerialization', 'onSend'], withServerOptions: true },
  'this plugin, serverOptions()': { withServerOptions: true, withPlugin: true },
  'this plugin, register() alone': { withPlugin: true }
}

const PATHS = { '200 with a schema, 100 bytes': '/small', 'A thrown error, 422': '/thrown' }

// The same optimisations in each run, and on the one thread that is counted.
const FLAGS = ['--single-threaded', '--predictable', '--hash-seed=1', '--random-seed=1']

// The second run is longer by what is counted: what the first has, it has, too.
const WARM_UP = 60_000
const COUNTED = 40_000

if (process.argv.length > 2) {
  const [, , variant, path, amount] = process.argv
  await serve(VARIANTS[variant], path, Number(amount))
} else {
  for (const [title, path] of Object.entries(PATHS)) {
    console.log(`\n${title}, instructions a request`)
    for (const variant of Object.keys(VARIANTS)) {
      const [all, before] = [WARM_UP + COUNTED, WARM_UP].map(amount => instructions(variant, path, amount))
      console.log(`  ${variant}: ${Math.round((all - before) / COUNTED)}`)
    }
  }
}

function instructions (...args) {
  const { error, status, stderr } = spawnSync('valgrind', ['--tool=callgrind', '--callgrind-out-file=/dev/null', '--smc-check=all-non-file', process.execPath, ...FLAGS, script, ...args], { encoding: 'utf8' })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(stderr)
  return Number(/Collected : (\d+)/.exec(stderr)[1])
}

/** Answers requests on one connection, in turn, without a socket. */
async function serve ({ hooks = [], withServerOptions = false, withPlugin = false }, path, amount) {
  const { default: plugin } = await import('./servers/reason-phrase.js')
  const { fastify } = await import('./servers/fastify.js')
  const { serverOptions } = await import('../dist/index.js')
  const server = withPlugin
    ? await plugin({ withServerOptions })
    : await fastify({
      options: withServerOptions ? serverOptions() : {},
      register (app) {
        for (const hook of hooks) app.addHook(hook, hook === 'onRequest' ? (_request, _reply, done) => done() : (_request, _reply, _payload, done) => done())
      }
    })
  const wire = new Duplex({
    read () {},
    write (chunk, _encoding, done) {
      done()
      this.emit('answer', chunk)
    }
  })
  server.emit('connection', wire)
  for (let i = 0; i < amount; i++) {
    wire.push(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
    await once(wire, 'answer')
  }
  process.exit()
}
