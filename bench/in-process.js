// What a request takes in the process, without a socket, and so without Node's
// parser and the kernel, which are most of a request and of its noise.
//
//   npm run build && node bench/in-process.js            some minutes; writes nothing
//   npm run build && node bench/in-process.js thrown 9   works whose ids begin so, in 9 rounds
import { IncomingMessage } from 'node:http'
import { Writable } from 'node:stream'
import { compare } from './comparisons.js'
import { startServer } from './processes.js'
import './same-modules.js'
import { EMPTY, SERVERS } from './variants.js'

const VARIANTS = { ...SERVERS, ...EMPTY }
const WARM_UP = 100_000
const AMOUNT = 15_000

// Short, and many: the more of a slow moment is in none, or in all.
const SLICES = 40

if (process.send === undefined) await compare({ unit: 'ns CPU a request', slices: SLICES, open })
else await serve(process.argv[2], JSON.parse(process.argv[3]))

async function open ({ path }, variant) {
  const { ask, end } = await startServer({ ...VARIANTS[variant], script: 'in-process.js' })
  await ask({ path, amount: WARM_UP })
  return { measure: () => ask({ path, amount: AMOUNT }), end }
}

/** Starts a server, and has it answer as many requests as it is told to: `{ cpu }`, in nanoseconds each, user and system. */
async function serve (name, options) {
  // What the making of an error takes differs in nothing, and is most of it.
  Error.stackTraceLimit = 0
  const { default: start } = await import(`./servers/${name}.js`)
  const server = await start(options)
  // Who asks may be ended by hand.
  process.on('disconnect', () => process.exit())
  process.on('message', async message => {
    if (message === 'end') process.exit()
    const began = process.cpuUsage()
    await request(server, message)
    const { user, system } = process.cpuUsage(began)
    process.send({ cpu: (user + system) * 1000 / message.amount })
  })
  process.send({})
}

async function request (server, { path, amount }) {
  // Node keeps the class of a server's responses under a symbol of its own.
  const Response = server[Object.getOwnPropertySymbols(server).find(({ description }) => description === 'ServerResponse')]
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
