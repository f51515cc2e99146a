import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Child, line } from './child.js'
import { formed } from './grammar.js'
import { judged } from './judged.js'
import { mutated, pieces } from './mutations.js'
import { Random } from './random.js'
import { seedSetting, setting } from './settings.js'
import type { Measured } from './target.js'

const SECONDS = setting(0, 'SECONDS', 600)
const SEED = seedSetting(1)
const CLIENTS = 48
// In milliseconds.
const PATIENCE = 15_000
const INTERVAL = Math.min(10, SECONDS / 6) * 1000
// What the mean heap of the last third may be above that of the first: what Node and V8 keep for later.
const GROWTH = 4 * 2 ** 20

const child = await Child.start()
const problems: string[] = []
const samples: Measured[] = []
const until = Date.now() + SECONDS * 1000
let conversations = 0
let answers = 0
let reports = 0

/** Where a client goes away. */
const STAGES = ['connecting', 'head', 'body', 'answer', 'never', 'never', 'never', 'never', 'never', 'never'] as const

function bytesOf (random: Random): Buffer {
  const count = random.pick([1, 1, 2, 4, 16])
  const bytes = Buffer.concat(Array.from({ length: count }, (_, index) => formed(random, { last: index === count - 1 }).bytes))
  return random.chance(0.3) ? mutated(random, bytes) : bytes
}

async function converse (random: Random): Promise<void> {
  const stage = random.pick(STAGES)
  const bytes = bytesOf(random)
  const head = bytes.indexOf('\r\n\r\n') + 4
  const chunks: Buffer[] = []
  let left = stage !== 'never'
  const socket = connect({ port: child.port, host: '127.0.0.1', allowHalfOpen: true })
  const leave = (): void => { random.chance(0.5) ? socket.destroy() : socket.resetAndDestroy() }
  socket.on('error', () => { left = true })
  socket.on('end', () => { socket.end() })
  socket.on('data', chunk => {
    chunks.push(chunk)
    if (stage === 'answer') leave()
  })
  const closed = new Promise(resolve => { socket.once('close', resolve) })
  const timer = setTimeout(() => {
    problems.push(`hung: ${JSON.stringify(bytes.toString('latin1')).slice(0, 2000)}`)
    socket.destroy()
  }, PATIENCE)

  if (stage === 'connecting') leave()
  else if (stage === 'head' || stage === 'body') {
    const end = stage === 'head' ? random.below(Math.max(head, 1)) : head + random.below(Math.max(bytes.length - head, 1))
    socket.write(bytes.subarray(0, end), leave)
  } else {
    for (const [index, piece] of pieces(random, bytes).entries()) {
      if (index > 0) await new Promise(setImmediate)
      if (socket.writable) socket.write(piece)
    }
    // An answer can be waited for that never comes, since the server waits for the rest of the request.
    const last = setTimeout(() => { socket.end() }, random.chance(0.1) ? 1000 : 50)
    await closed
    clearTimeout(last)
  }
  await closed
  clearTimeout(timer)
  const verdict = await judged({ bytes: Buffer.concat(chunks), left })
  answers += verdict.statusCodes.length
  conversations++
  if (verdict.problems.length > 0) problems.push(`${verdict.problems.join('; ')}\n  sent ${JSON.stringify(bytes.toString('latin1')).slice(0, 2000)}`)
}

async function client (number: number): Promise<void> {
  const random = new Random(Math.imul(SEED, 0x9e3779b1) ^ number)
  while (Date.now() < until && problems.length === 0 && child.ended === undefined) await converse(random)
}

async function report (): Promise<void> {
  while (Date.now() < until && problems.length === 0 && child.ended === undefined) {
    await sleep(Math.max(0, Math.min(INTERVAL, until - Date.now())))
    if (child.ended !== undefined) return
    const measured = await child.measure()
    samples.push(measured)
    console.log(`${Math.round(++reports * INTERVAL / 1000)} s: ${line(measured)}; ${conversations} conversations, ${answers} answers`)
  }
}

const mean = (measured: Measured[]): number => measured.reduce((sum, { heap }) => sum + heap, 0) / measured.length

console.log(`soak: ${SECONDS} seconds, ${CLIENTS} clients at a time, seed ${SEED}`)
await Promise.all([report(), ...Array.from({ length: CLIENTS }, (_, number) => client(number))])
if (child.ended !== undefined) problems.push(child.ended)
else {
  const last = await child.settled()
  console.log(`at the end: ${line(last)}`)
  const third = Math.floor(samples.length / 3)
  if (third > 0) {
    const growth = mean(samples.slice(-third)) - mean(samples.slice(0, third))
    console.log(`the heap of the last third is ${(growth / 2 ** 20).toFixed(2)} MB above that of the first; at most ${GROWTH / 2 ** 20} MB is allowed`)
    if (growth > GROWTH) problems.push('the heap grows')
  }
  problems.push(...await child.problemsAfter(last))
}
child.stop()
console.log(problems.length > 0 ? problems.join('\n') : `soak: ${conversations} conversations with ${answers} answers kept the contract, and the service goes on, seed ${SEED}`)
process.exit(problems.length > 0 ? 1 : 0)
