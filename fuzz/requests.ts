import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { TargetProcess, formatMeasurement } from './target-process.js'
import { generateRequest } from './grammar.js'
import { judgeConnection, type ConnectionResult } from './judge-connection.js'
import { mutate, splitIntoPieces } from './mutations.js'
import { Random } from './random.js'
import { readSeed, readInteger } from './settings.js'

const RUNS = readInteger(0, 'RUNS', 200_000)
const SEED = readSeed(1)
// The number of the only input to send, to repeat a failure of an earlier run. Default: all inputs.
const ONLY_INPUT = readInteger(2, 'INPUT', -1)
const CONNECTIONS = 24
// Longer than all timeouts of the server.
const TIMEOUT_MS = 15_000
// The heap may grow by this size after the warm-up, because Node and V8 keep some memory for reuse.
const MAX_HEAP_GROWTH_BYTES = 8 * 2 ** 20

type Ending = 'wait' | 'half-close' | 'leave' | 'reset'

interface Input {
  pieces: Buffer[]
  ending: Ending
  requests?: number
}

/** Returns the input with this number. Runs with the same seed have the same inputs. */
function inputOf (number: number): Input {
  const random = new Random(Math.imul(SEED, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b))
  const count = random.pick([1, 1, 1, 2, 3, 5])
  const requests = Array.from({ length: count }, (_, index) => generateRequest(random, { last: index === count - 1 }).bytes)
  const bytes = Buffer.concat(requests)
  // Exclude /cut, because this route closes its connection.
  if (random.chance(0.15) && !bytes.includes('/cut')) return { pieces: splitIntoPieces(random, bytes), ending: 'wait', requests: count }
  return { pieces: splitIntoPieces(random, mutate(random, bytes)), ending: random.pick(['half-close', 'half-close', 'half-close', 'leave', 'reset', 'wait']) }
}

/** Sends an input on a new connection, and returns the bytes that were received. */
async function sendInput (port: number, { pieces, ending, requests }: Input): Promise<ConnectionResult & { isHung: boolean }> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const chunks: Buffer[] = []
  let isAborted = ending === 'leave' || ending === 'reset'
  let isHung = false
  socket.on('data', chunk => { chunks.push(chunk) })
  socket.on('error', () => { isAborted = true })
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
    // Close this side of the connection after a short time, because the server can wait for the rest of the request.
    await Promise.race([closed, sleep(20)])
    socket.end()
  }
  const timer = setTimeout(() => {
    isHung = true
    socket.destroy()
  }, TIMEOUT_MS)
  await closed
  clearTimeout(timer)
  return { bytes: Buffer.concat(chunks), isAborted, isHung, requests }
}

const child = await TargetProcess.start()
const problems: string[] = []
const statusCodes = new Map<number, number>()
let next = ONLY_INPUT < 0 ? 0 : ONLY_INPUT
const end = ONLY_INPUT < 0 ? RUNS : ONLY_INPUT + 1
let done = 0
const started = Date.now()

async function worker (until: number): Promise<void> {
  while (next < until && problems.length === 0 && child.exitReason === undefined) {
    const number = next++
    const input = inputOf(number)
    const result = await sendInput(child.port, input)
    const verdict = await judgeConnection(result)
    if (result.isHung) verdict.problems.push('the server did not close the connection, even after the client had closed its side')
    if (child.exitReason !== undefined) verdict.problems.push(child.exitReason)
    for (const statusCode of verdict.statusCodes) statusCodes.set(statusCode, (statusCodes.get(statusCode) ?? 0) + 1)
    if (verdict.problems.length > 0) {
      problems.push(`input ${number} (${input.ending}): ${verdict.problems.join('; ')}
  sent ${JSON.stringify(input.pieces.map(piece => piece.toString('latin1'))).slice(0, 3000)}
  received ${JSON.stringify(result.bytes.toString('latin1')).slice(0, 3000)}
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
// Use the first inputs as the warm-up.
for (const share of [0.1, 0.55, 1]) {
  await workers(ONLY_INPUT < 0 ? Math.floor(end * share) : end)
  if (child.exitReason !== undefined) break
  measured.push(await child.waitUntilIdle())
  console.log(`after ${done}: ${formatMeasurement(measured.at(-1)!)}`)
}
if (child.exitReason !== undefined) problems.push(child.exitReason)
else if (problems.length === 0) {
  const [warm, , last] = measured
  if (RUNS >= 10_000 && last!.heap - warm!.heap > MAX_HEAP_GROWTH_BYTES) problems.push(`the heap grew by ${last!.heap - warm!.heap} bytes`)
  problems.push(...await child.findLeftovers(last!))
}
child.stop()
console.log(`requests: answers ${[...statusCodes].sort(([a], [b]) => a - b).map(([statusCode, count]) => `${statusCode}: ${count}`).join(', ')}`)
console.log(problems.length > 0 ? problems.join('\n') : `requests: ${done} inputs kept the contract, and the service still responds, seed ${SEED}`)
process.exit(problems.length > 0 ? 1 : 0)
