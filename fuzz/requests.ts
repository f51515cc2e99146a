import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Child, line } from './child.js'
import { formed } from './grammar.js'
import { judged, type Seen } from './judged.js'
import { mutated, pieces } from './mutations.js'
import { Random } from './random.js'
import { seedSetting, setting } from './settings.js'

const RUNS = setting(0, 'RUNS', 200_000)
const SEED = seedSetting(1)
// One input of an earlier run, and no other.
const ONLY = setting(2, 'INPUT', -1)
const CONNECTIONS = 24
// In milliseconds; longer than each timeout of the server.
const PATIENCE = 15_000
// What the heap may grow by from the end of the warm-up on: what Node and V8 keep for later.
const GROWTH = 8 * 2 ** 20

type Ending = 'wait' | 'half-close' | 'leave' | 'reset'

interface Input {
  pieces: Buffer[]
  ending: Ending
  requests?: number
}

/** The input of a number is the same in each run with the same seed. */
function inputOf (number: number): Input {
  const random = new Random(Math.imul(SEED, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b))
  const count = random.pick([1, 1, 1, 2, 3, 5])
  const requests = Array.from({ length: count }, (_, index) => formed(random, { last: index === count - 1 }).bytes)
  const bytes = Buffer.concat(requests)
  // The route /cut ends its connection.
  if (random.chance(0.15) && !bytes.includes('/cut')) return { pieces: pieces(random, bytes), ending: 'wait', requests: count }
  return { pieces: pieces(random, mutated(random, bytes)), ending: random.pick(['half-close', 'half-close', 'half-close', 'leave', 'reset', 'wait']) }
}

async function play (port: number, { pieces, ending, requests }: Input): Promise<Seen & { hung: boolean }> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const chunks: Buffer[] = []
  let left = ending === 'leave' || ending === 'reset'
  let hung = false
  socket.on('data', chunk => { chunks.push(chunk) })
  socket.on('error', () => { left = true })
  socket.on('end', () => { socket.end() })
  const closed = new Promise(resolve => { socket.once('close', resolve) })
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await new Promise(setImmediate)
    if (socket.writable) socket.write(piece)
  }
  if (ending === 'half-close') socket.end()
  else if (ending === 'leave') setImmediate(() => { socket.destroy() })
  else if (ending === 'reset') setImmediate(() => { socket.resetAndDestroy() })
  else if (requests === undefined) {
    // The server can wait for more. So does the client, but not for long.
    await Promise.race([closed, sleep(20)])
    socket.end()
  }
  const timer = setTimeout(() => {
    hung = true
    socket.destroy()
  }, PATIENCE)
  await closed
  clearTimeout(timer)
  return { bytes: Buffer.concat(chunks), left, hung, requests }
}

const child = await Child.start()
const problems: string[] = []
const statusCodes = new Map<number, number>()
let next = ONLY < 0 ? 0 : ONLY
const end = ONLY < 0 ? RUNS : ONLY + 1
let done = 0
const started = Date.now()

async function worker (until: number): Promise<void> {
  while (next < until && problems.length === 0 && child.ended === undefined) {
    const number = next++
    const input = inputOf(number)
    const seen = await play(child.port, input)
    const verdict = await judged(seen)
    if (seen.hung) verdict.problems.push('the server closed the connection neither by itself nor after the client did')
    if (child.ended !== undefined) verdict.problems.push(child.ended)
    for (const statusCode of verdict.statusCodes) statusCodes.set(statusCode, (statusCodes.get(statusCode) ?? 0) + 1)
    if (verdict.problems.length > 0) {
      problems.push(`input ${number} (${input.ending}): ${verdict.problems.join('; ')}
  sent ${JSON.stringify(input.pieces.map(piece => piece.toString('latin1'))).slice(0, 3000)}
  received ${JSON.stringify(seen.bytes.toString('latin1')).slice(0, 3000)}
  Again: node --import tsx fuzz/requests.ts ${RUNS} ${SEED} ${number}`)
    }
    if (++done % Math.max(1000, Math.floor(RUNS / 20)) === 0) console.log(`${done} of ${RUNS} inputs, ${Math.round(done / (Date.now() - started) * 1000)} a second`)
  }
}

async function workers (until: number): Promise<void> {
  await Promise.all(Array.from({ length: CONNECTIONS }, () => worker(until)))
}

console.log(`requests: ${RUNS} inputs, seed ${SEED}`)
const measured = []
// The first are the warm-up.
for (const share of [0.1, 0.55, 1]) {
  await workers(ONLY < 0 ? Math.floor(end * share) : end)
  if (child.ended !== undefined) break
  measured.push(await child.settled())
  console.log(`after ${done}: ${line(measured.at(-1)!)}`)
}
if (child.ended !== undefined) problems.push(child.ended)
else if (problems.length === 0) {
  const [warm, , last] = measured
  if (RUNS >= 10_000 && last!.heap - warm!.heap > GROWTH) problems.push(`the heap grew by ${last!.heap - warm!.heap} bytes`)
  problems.push(...await child.problemsAfter(last!))
}
child.stop()
console.log(`requests: answers ${[...statusCodes].sort(([a], [b]) => a - b).map(([statusCode, count]) => `${statusCode}: ${count}`).join(', ')}`)
console.log(problems.length > 0 ? problems.join('\n') : `requests: ${done} inputs kept the contract, and the service goes on, seed ${SEED}`)
process.exit(problems.length > 0 ? 1 : 0)
