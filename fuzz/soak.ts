import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { TargetProcess, formatMeasurement } from './target-process.js'
import { generateRequest } from './grammar.js'
import { judgeConnection } from './judge-connection.js'
import { mutate, splitIntoPieces } from './mutations.js'
import { Random } from './random.js'
import { readSeed, readInteger } from './settings.js'
import type { Measurement } from './target.js'

const SECONDS = readInteger(0, 'SECONDS', 600)
const SEED = readSeed(1)
const CLIENTS = 48
const TIMEOUT_MS = 15_000
const REPORT_INTERVAL_MS = Math.min(10, SECONDS / 6) * 1000
// The mean heap size may grow by this size from the first to the last third of the run, because Node and V8 keep some memory for
// reuse.
const MAX_HEAP_GROWTH_BYTES = 4 * 2 ** 20

const child = await TargetProcess.start()
const problems: string[] = []
const samples: Measurement[] = []
const until = Date.now() + SECONDS * 1000
let conversations = 0
let answers = 0
let reports = 0

/** The stages of a conversation at which a client can close the connection. */
const STAGES = ['connecting', 'head', 'body', 'answer', 'never', 'never', 'never', 'never', 'never', 'never'] as const

function bytesOf (random: Random): Buffer {
  const count = random.pick([1, 1, 2, 4, 16])
  const bytes = Buffer.concat(Array.from({ length: count }, (_, index) => generateRequest(random, { last: index === count - 1 }).bytes))
  return random.chance(0.3) ? mutate(random, bytes) : bytes
}

/** Sends random requests on one connection, and checks the responses. */
async function converse (random: Random): Promise<void> {
  const stage = random.pick(STAGES)
  const bytes = bytesOf(random)
  const head = bytes.indexOf('\r\n\r\n') + 4
  const chunks: Buffer[] = []
  let isAborted = stage !== 'never'
  const socket = connect({ port: child.port, host: '127.0.0.1', allowHalfOpen: true })
  const leave = (): void => { random.chance(0.5) ? socket.destroy() : socket.resetAndDestroy() }
  socket.on('error', () => { isAborted = true })
  socket.on('end', () => { socket.end() })
  socket.on('data', chunk => {
    chunks.push(chunk)
    if (stage === 'answer') leave()
  })
  const closed = new Promise(resolve => { socket.once('close', resolve) })
  const timer = setTimeout(() => {
    problems.push(`hung: ${JSON.stringify(bytes.toString('latin1')).slice(0, 2000)}`)
    socket.destroy()
  }, TIMEOUT_MS)

  if (stage === 'connecting') leave()
  else if (stage === 'head' || stage === 'body') {
    const end = stage === 'head' ? random.below(Math.max(head, 1)) : head + random.below(Math.max(bytes.length - head, 1))
    socket.write(bytes.subarray(0, end), leave)
  } else {
    for (const [index, piece] of splitIntoPieces(random, bytes).entries()) {
      if (index > 0) await new Promise(setImmediate)
      if (socket.writable) socket.write(piece)
    }
    // Close this side of the connection after a while, because the server can wait for the rest of a malformed request.
    const last = setTimeout(() => { socket.end() }, random.chance(0.1) ? 1000 : 50)
    await closed
    clearTimeout(last)
  }
  await closed
  clearTimeout(timer)
  const verdict = await judgeConnection({ bytes: Buffer.concat(chunks), isAborted })
  answers += verdict.statusCodes.length
  conversations++
  if (verdict.problems.length > 0) problems.push(`${verdict.problems.join('; ')}\n  sent ${JSON.stringify(bytes.toString('latin1')).slice(0, 2000)}`)
}

async function client (number: number): Promise<void> {
  const random = new Random(Math.imul(SEED, 0x9e3779b1) ^ number)
  while (Date.now() < until && problems.length === 0 && child.exitReason === undefined) await converse(random)
}

async function report (): Promise<void> {
  while (Date.now() < until && problems.length === 0 && child.exitReason === undefined) {
    await sleep(Math.max(0, Math.min(REPORT_INTERVAL_MS, until - Date.now())))
    if (child.exitReason !== undefined) return
    const measured = await child.measure()
    samples.push(measured)
    console.log(`${Math.round(++reports * REPORT_INTERVAL_MS / 1000)} s: ${formatMeasurement(measured)}; ${conversations} conversations, ${answers} answers`)
  }
}

const mean = (measured: Measurement[]): number => measured.reduce((sum, { heap }) => sum + heap, 0) / measured.length

console.log(`soak: ${SECONDS} seconds, ${CLIENTS} clients at a time, seed ${SEED}`)
await Promise.all([report(), ...Array.from({ length: CLIENTS }, (_, number) => client(number))])
if (child.exitReason !== undefined) problems.push(child.exitReason)
else {
  const last = await child.waitUntilIdle()
  console.log(`at the end: ${formatMeasurement(last)}`)
  const third = Math.floor(samples.length / 3)
  if (third > 0) {
    const growth = mean(samples.slice(-third)) - mean(samples.slice(0, third))
    console.log(`the mean heap of the last third is ${(growth / 2 ** 20).toFixed(2)} MB larger than that of the first third; at most ${MAX_HEAP_GROWTH_BYTES / 2 ** 20} MB is allowed`)
    if (growth > MAX_HEAP_GROWTH_BYTES) problems.push('the heap grows more than allowed')
  }
  problems.push(...await child.findLeftovers(last))
}
child.stop()
console.log(problems.length > 0 ? problems.join('\n') : `soak: ${conversations} conversations with ${answers} answers kept the contract, and the service still responds, seed ${SEED}`)
process.exit(problems.length > 0 ? 1 : 0)
