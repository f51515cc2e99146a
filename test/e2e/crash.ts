import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { compileService } from '../fixtures/compile-service.js'
import { postgresql, sqlite } from '../fixtures/database.js'
import { withoutTap } from '../fixtures/node-process.js'
import { writeKeysFile } from '../fixtures/service.js'
import { sign } from '../fixtures/sign.js'

// The tests start many processes, which takes time.
t.setTimeout(300_000)

const CLIENTS = 9
const TOPICS = 3
// How long the processes of a service are repeatedly killed and restarted, in milliseconds.
const DURATION_MS = 7_000

const compiled = t.testdir()
t.before(() => compileService(compiled))

/** A service process that can be killed and restarted. */
class Service {
  url = ''
  readonly #env: NodeJS.ProcessEnv
  #child: ChildProcess | undefined

  constructor (t: Test, settings: Record<string, string | undefined>) {
    const { HOST, MESSAGE_BACKLOG, NODE_ENV, ...env } = process.env
    this.#env = { ...env, PORT: '0', LOG_LEVEL: 'info', DATABASE_FILE: '', DATABASE_URL: '', KEYS_FILE: writeKeysFile(t), ...settings }
    t.teardown(() => this.kill())
  }

  async start (): Promise<void> {
    // A killed process cannot write its coverage.
    const child = spawn(...withoutTap(process.execPath, 'server.js'), { cwd: compiled, env: this.#env, stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child = child
    for await (const line of createInterface(child.stdout)) {
      const [, url] = /Server listening at (http[^"]*)/.exec(line) ?? []
      if (url !== undefined) {
        this.url = url
        break
      }
    }
    // Read the pipe, because the process blocks when it is full.
    child.stdout.resume()
  }

  async kill (): Promise<void> {
    if (this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}

interface Sent {
  client: number
  number: number
}

const get = (url: string, target: string) => fetch(url + target, { headers: sign('GET', target) })

function post (url: string, target: string, payload: object) {
  const body = JSON.stringify(payload)
  return fetch(url + target, { method: 'POST', headers: { 'content-type': 'application/json', ...sign('POST', target, body) }, body })
}

/** Returns all stored messages of a topic, read page by page. */
async function readMessages (url: string, topicId: string) {
  const items: Array<{ messageId: string, position: number, body: Sent }> = []
  for (let query = ''; ;) {
    const response = await get(url, `/v2/topic/${topicId}/message?limit=1000${query}`)
    const page = await response.json() as { items: typeof items, nextId: string | null }
    items.push(...page.items)
    if (page.nextId === null) return items
    query = `&afterId=${page.nextId}`
  }
}

async function assertNothingIsLost (t: Test, settings: Record<string, string | undefined>, processes: number) {
  const services = Array.from({ length: processes }, () => new Service(t, settings))
  await Promise.all(services.map(service => service.start()))
  const topicIds: string[] = []
  for (let number = 0; number < TOPICS; number++) {
    const response = await post(services[0].url, '/v2/topic', { name: `topic ${number}`, description: '', mediaType: 'application/json' })
    topicIds.push((await response.json() as { topicId: string }).topicId)
  }

  // Each client sends its messages to random processes, and waits for each response before it sends the next message.
  const accepted = new Map<string, Sent>()
  const load = new AbortController()
  let unknown = 0
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    for (let number = 0; !load.signal.aborted; number++) {
      const { url } = services[Math.floor(Math.random() * processes)]
      try {
        const response = await post(url, `/v2/topic/${topicIds[client % TOPICS]}/message`, { body: { client, number } })
        const payload = response.status === 202 ? await response.json() as { messageId: string } : undefined
        if (payload === undefined) throw new Error(`${response.status}`)
        accepted.set(payload.messageId, { client, number })
      } catch {
        unknown++
        await setTimeout(50)
      }
    }
  })

  let time = 0
  let kills = 0
  for (const begun = performance.now(); kills < 2 || performance.now() - begun < DURATION_MS; kills++) {
    const started = performance.now()
    for (const before = accepted.size; accepted.size < before + 3 * CLIENTS;) await setTimeout(10)
    await setTimeout(500 * Math.random())
    const service = services[kills % processes]
    await service.kill()
    time += performance.now() - started
    await service.start()
  }
  load.abort()
  await Promise.all(clients)

  // Wait until the last message of each client is stored.
  const [{ url }] = services
  const latest = new Map([...accepted].map(([messageId, { client }]) => [client, messageId]))
  for (const messageId of latest.values()) {
    for (;;) {
      const { status } = await (await get(url, `/v2/message/${messageId}`)).json() as { status: string }
      if (status !== 'accepted') break
      await setTimeout(10)
    }
  }

  const found = new Map<string, Sent>()
  for (const topicId of topicIds) {
    const items = await readMessages(url, topicId)
    t.strictSame(items.map(({ position }) => position), items.map((_, index) => index + 1), 'the positions have no gaps')
    const last = new Map<number, number>()
    let inOrder = true
    for (const { messageId, body } of items) {
      inOrder &&= !found.has(messageId) && (last.get(body.client) ?? -1) < body.number
      last.set(body.client, body.number)
      found.set(messageId, body)
    }
    t.ok(inOrder, 'each message is stored once, and the messages of a client are in the order in which it sent them')
  }
  t.ok(accepted.size > kills, 'the service accepted messages between the kills')
  t.strictSame([...accepted].filter(([messageId, sent]) => JSON.stringify(found.get(messageId)) !== JSON.stringify(sent)), [], 'no accepted message is lost')
  t.comment(`${kills} kills of ${processes} process(es), ${CLIENTS} clients, ${TOPICS} topics: ${accepted.size} accepted, ` +
    `${Math.round(accepted.size / time * 1000)} a second while up, ${unknown} rejected or without a response (${found.size - accepted.size} of these are stored)`)
}

t.test('loses no accepted message when the process is killed, on SQLite', { skip: sqlite.skip }, async t => {
  const { databaseFile } = await sqlite.open(t)
  await assertNothingIsLost(t, { DATABASE_FILE: databaseFile }, 1)
})

t.test('loses no accepted message when the process is killed, on PostgreSQL', { skip: postgresql.skip }, async t => {
  const { databaseUrl } = await postgresql.open(t)
  await assertNothingIsLost(t, { DATABASE_URL: databaseUrl }, 1)
})

t.test('loses no accepted message when one of two processes is killed, on PostgreSQL', { skip: postgresql.skip }, async t => {
  const { databaseUrl } = await postgresql.open(t)
  await assertNothingIsLost(t, { DATABASE_URL: databaseUrl }, 2)
})
