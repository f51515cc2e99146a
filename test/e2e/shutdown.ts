import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { writeKeysFile } from '../fixtures/service.js'
import { sign } from '../fixtures/sign.js'
import { TYPESCRIPT, withoutTap } from '../fixtures/node-process.js'
import { assertErrorResponse, parse, valuesOf, type WireResponse } from '../fixtures/wire.js'

// The test starts a process, which takes time.
t.setTimeout(120_000)

/** Starts the service in a process. Returns the port on which it listens. */
async function start (t: Test) {
  const { HOST, PORT, LOG_LEVEL, DATABASE_URL, NODE_ENV, ...env } = process.env
  const server = spawn(...withoutTap(process.execPath, TYPESCRIPT, 'server.ts'), {
    cwd: join(import.meta.dirname, '..', '..'),
    env: { ...env, PORT: '0', DATABASE_FILE: join(t.testdir(), 'topics.db'), DRAIN_TIME: '8000', KEYS_FILE: writeKeysFile(t) }
  })
  t.teardown(() => server.kill('SIGKILL'))
  const ended = once(server, 'close')
  let stderr = ''
  server.stderr.on('data', data => { stderr += data })
  const log = createInterface(server.stdout)
  const port = await new Promise<number>((resolve, reject) => {
    log.on('line', line => {
      const [, port] = /Server listening at http:\/\/127\.0\.0\.1:(\d+)/.exec(line) ?? []
      if (port !== undefined) resolve(Number(port))
    })
    ended.then(() => reject(new Error(stderr)))
  })
  return { server, port, ended, stderr: () => stderr }
}

/** The pieces of a request, which are sent one after the other. */
type Pieces = string[]

const fieldsOf = (...request: Parameters<typeof sign>) => Object.entries(sign(...request)).map(([name, value]) => `${name}: ${value}\r\n`).join('')

const get = (url: string): Pieces => [`GET ${url} HTTP/1.1\r\nHost: a\r\n${fieldsOf('GET', url)}\r\n`]

function post (name: string, split: boolean): Pieces {
  const body = JSON.stringify({ name, description: 'x'.repeat(1000), mediaType: 'text/plain' })
  const head = `POST /v2/topic HTTP/1.1\r\nHost: a\r\n${fieldsOf('POST', '/v2/topic', body)}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
  return split ? [head + body.slice(0, 100), body.slice(100, 500), body.slice(500)] : [head + body]
}

interface Outcome {
  answers: WireResponse[]
  /** How a connection ended. */
  ended: 'clean' | 'unanswered' | string
}

/**
 * Sends requests on one connection until the connection ends. Always completes a request, even if a response has already arrived.
 */
async function sendRequests (port: number, next: () => Pieces, pause: () => number): Promise<Outcome> {
  const socket = connect(port, '127.0.0.1')
  let received = ''
  let sent = 0
  let error: NodeJS.ErrnoException | undefined
  socket.setEncoding('latin1')
  socket.on('data', data => { received += data })
  socket.on('error', thrown => { error = thrown })
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  const open = () => !socket.readableEnded && error === undefined
  const count = () => parse(received).responses.length

  while (true) {
    await Promise.race([sleep(pause()), closed])
    if (!open() || /^connection: close\r$/im.test(received)) break
    sent++
    for (const [index, piece] of next().entries()) {
      if (index > 0) await sleep(2)
      if (socket.writable) socket.write(piece)
    }
    while (open() && count() < sent) await Promise.race([once(socket, 'data').catch(() => {}), closed])
  }
  await closed
  const { responses, rest } = parse(received)
  const isWhole = rest === '' && responses.length === sent
  return { answers: responses, ended: error?.code ?? (isWhole ? 'clean' : 'unanswered') }
}

t.test('after SIGTERM under load, no response is lost, and each late request gets 503', async t => {
  const service = await start(t)
  const { port } = service
  let created = 0
  const mixed = (): Pieces => {
    const choice = Math.random()
    if (choice < 0.3) return get('/v2/topic?limit=3')
    if (choice < 0.4) return get('/v2/nothing')
    return post(`topic ${created++}`, choice < 0.7)
  }
  const busy = Array.from({ length: 60 }, () => sendRequests(port, mixed, () => Math.random() * 20))
  const resting = Array.from({ length: 40 }, () => sendRequests(port, mixed, () => 300 + Math.random() * 900))
  const silent = Array.from({ length: 5 }, () => sendRequests(port, () => [], () => 9_000))
  const halfway = sendRequests(port, () => ['GET / HT'], () => 0)

  await sleep(2000)
  service.server.kill('SIGTERM')
  const [code] = await service.ended
  t.equal(code, 0)
  t.equal(service.stderr(), '')

  const outcomes = await Promise.all([...busy, ...resting])
  const tally: Record<string, number> = {}
  const count = (what: string | number) => { tally[what] = (tally[what] ?? 0) + 1 }
  for (const { answers, ended } of outcomes) {
    count(ended)
    for (const { statusCode } of answers) count(statusCode)
  }
  t.comment(JSON.stringify(tally))
  const answers = outcomes.flatMap(({ answers }) => answers)
  const late = answers.filter(({ statusCode }) => statusCode === 503)
  t.same(answers.filter(({ statusCode, body }) => statusCode >= 400 && body !== ''), [], 'no error has a body')
  t.ok(tally[201]! > 20 && tally[404]! > 5, 'the service was under load')
  t.ok(late.length > 10, 'the service was under load during the shutdown')
  for (const answer of late) {
    assertErrorResponse(t, answer, 503)
    t.strictSame([valuesOf(answer, 'retry-after'), valuesOf(answer, 'connection')], [['5'], ['close']])
  }

  const ends = async (clients: Array<Promise<Outcome>>) => [...new Set((await Promise.all(clients)).map(({ ended }) => ended))]
  t.same(await ends(busy), ['clean'], 'each request got a response, and no connection was reset')
  // A request that is sent at the moment when the server closes the connection gets no response (RFC 9112 section 9.5).
  t.same((await ends(resting)).filter(end => end !== 'unanswered'), ['clean'])
  t.same(await ends(silent), ['clean'])
  t.same(await ends([halfway]), ['unanswered'])
})
