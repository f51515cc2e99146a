// What a request takes in the process, without a socket, and so without Node's
// parser and the kernel, which are most of a request and of its noise.
//
//   npm run build && node bench/in-process.js     two minutes; writes nothing
import { execFileSync } from 'node:child_process'
import { IncomingMessage } from 'node:http'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import './same-modules.js'
import { asText } from './report.js'
import { rounds } from './rounds.js'
import { FLOOR, FULL, SERVERS, STOCK } from './variants.js'

const script = fileURLToPath(import.meta.url)

const HOOKS = 'Fastify with as many empty hooks'
const CLASS = 'the same, with serverOptions()'

const VARIANTS = {
  ...SERVERS,
  [HOOKS]: { server: 'hooks', options: { withServerOptions: false } },
  [CLASS]: { server: 'hooks', options: { withServerOptions: true } }
}

const WORKS = [
  { title: '200 with a schema, 100 bytes', path: '/small', variants: [STOCK, HOOKS, CLASS, FULL] },
  { title: 'An error by reply decorator, 422', path: '/refused', variants: [FLOOR, FULL] },
  { title: 'A thrown error, 422', path: '/thrown', variants: [STOCK, HOOKS, FULL] }
]

const ROUNDS = 15
const WARM_UP = 100_000
const AMOUNT = 300_000

if (process.argv.length > 2) {
  const [, , variant, path] = process.argv
  console.log(await measure(VARIANTS[variant], path))
} else {
  for (const { title, path, variants } of WORKS) {
    const open = variant => ({
      measure: () => ({ cpu: Number(execFileSync(process.execPath, [script, variant, path], { encoding: 'utf8' })) }),
      end () {}
    })
    console.log(asText({ title, unit: 'ns CPU a request', ...await rounds({ variants, baseline: variants[0], open }, { least: ROUNDS, most: ROUNDS, slices: 1 }) }))
  }
}

/** The CPU time of a request in nanoseconds, user and system. */
async function measure ({ server: name, options }, path) {
  // What the making of an error takes differs in nothing, and is most of it.
  Error.stackTraceLimit = 0
  const { default: start } = await import(`./servers/${name}.js`)
  const server = await start(options)
  // Node keeps the class of a server's responses under a symbol of its own.
  const Response = server[Object.getOwnPropertySymbols(server).find(({ description }) => description === 'ServerResponse')]

  await ask(server, Response, path, WARM_UP)
  const began = process.cpuUsage()
  await ask(server, Response, path, AMOUNT)
  const { user, system } = process.cpuUsage(began)
  server.close()
  return (user + system) * 1000 / AMOUNT
}

async function ask (server, Response, path, amount) {
  const socket = Object.assign(new Writable(), { cork () {}, uncork () {}, write: () => true })
  for (let i = 0; i < amount; i++) {
    const request = Object.assign(new IncomingMessage(socket), { method: 'GET', url: path, httpVersion: '1.1', httpVersionMajor: 1, httpVersionMinor: 1, complete: true })
    request._addHeaderLines(['Host', 'a'], 2)
    const response = new Response(request)
    response.assignSocket(socket)
    server.emit('request', request, response)
    while (!response.headersSent) await null
    response.detachSocket(socket)
  }
}
