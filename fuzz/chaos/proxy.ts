import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Gate, type Scope } from '../../test/fixtures/database.js'
import type { Random } from '../random.js'
import { FATES, type Fate } from './fates.js'
import type { Operation } from './operation.js'

/** A request that has arrived at the proxy. */
interface Delivery {
  readonly client: Socket
  /** Its bytes, decoded as latin1. */
  readonly request: string
  readonly operation: Operation
}

/** What became of a request that was sent to a process. */
interface Exchange {
  /** Whether the process has accepted the connection. */
  readonly isConnected: boolean
  /** The bytes that have come until the connection was closed. */
  readonly answer: Buffer
}

interface ExchangeOptions {
  /** The milliseconds between two pieces of the request. Default: it is sent at once. */
  readonly interval?: number
  /** Is called when the request is sent. */
  readonly onSent?: () => void
  /** The exchange ends when the client leaves. */
  readonly client?: Socket | undefined
}

/** How long a request is delayed, in milliseconds. The timeout of the client is shorter. */
const MIN_DELAY_MS = 600
const MAX_DELAY_MS = 2_000
/** The longest interval between two pieces of a slow request, and the longest time before its answer. */
const MAX_INTERVAL_MS = 150
const PIECES = 3
/** The time between two attempts to deliver a request while no process runs. */
const REDELIVERY_DELAY_MS = 50

const BAD_GATEWAY = 'HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'

/** A proxy in front of the processes of the service, which has faults at random. */
export class ChaosProxy {
  readonly #findOperation: (key: string) => Operation
  readonly #ports: readonly number[]
  /** What delivers the requests that are held until the outcome of their operation is final. */
  readonly #held = new Map<Operation, Array<() => void>>()
  /** The deliveries for which no client waits. */
  readonly #deliveries = new Set<Promise<void>>()
  #isHealed = false
  #url = ''
  /** How many requests had each fate. */
  readonly counts: Record<Fate, number>
  /** How many requests were delivered while no client waited for their answer. */
  lateDeliveries = 0
  /** How many of them came after the outcome was final. */
  deliveriesAfterOutcome = 0

  /** @param ports those of the processes */
  private constructor (ports: readonly number[], findOperation: (key: string) => Operation) {
    this.#ports = ports
    this.#findOperation = findOperation
    this.counts = Object.fromEntries(Object.keys(FATES).map(fate => [fate, 0])) as Record<Fate, number>
  }

  /** Opens a proxy until the end of the scope. */
  static async open (scope: Scope, ports: readonly number[], findOperation: (key: string) => Operation): Promise<ChaosProxy> {
    const proxy = new ChaosProxy(ports, findOperation)
    const gate = new Gate(client => { proxy.#accept(client) })
    proxy.#url = `http://127.0.0.1:${await gate.open()}`
    scope.teardown(() => gate.close())
    return proxy
  }

  get url (): string {
    return this.#url
  }

  /** Ends the faults. The requests that are held stay held. */
  heal (): void {
    this.#isHealed = true
  }

  /** Delivers the requests of an operation that are held. */
  release (operation: Operation): void {
    for (const deliver of this.#held.get(operation) ?? []) deliver()
    this.#held.delete(operation)
  }

  /** Resolves when all requests are delivered. */
  async delivered (): Promise<void> {
    while (this.#deliveries.size > 0) await Promise.all(this.#deliveries)
  }

  async #accept (client: Socket): Promise<void> {
    const request = await readRequest(client)
    if (request === undefined) return
    const isClosing = request.startsWith('PUT ')
    const [, key = ''] = /^(?:PUT \/v2\/operation\/|idempotency-key: ")([\w-]+)/im.exec(request) ?? []
    const operation = this.#findOperation(key)
    const fate = this.#isHealed ? 'pass' : operation.pickFate(isClosing)
    this.counts[fate]++
    operation.note(`a ${isClosing ? 'closing' : 'request'} ${FATES[fate]}`)
    await this.#fates[fate]({ client, request, operation })
  }

  readonly #fates: Record<Fate, (delivery: Delivery) => unknown> = {
    pass: async ({ client, request, operation }) => {
      const { isConnected, answer } = await this.#send(request, operation.random, { client: operation.random.chance(0.5) ? client : undefined })
      client.end(isConnected ? answer : BAD_GATEWAY)
    },
    dropBefore: ({ client }) => client.destroy(),
    dropAfter: async ({ client, request, operation }) => {
      await this.#send(request, operation.random, { onSent: () => client.destroy() })
      client.destroy()
    },
    dropAnswer: async ({ client, request, operation }) => {
      await this.#send(request, operation.random)
      client.destroy()
    },
    cutAnswer: async ({ client, request, operation }) => {
      const { answer } = await this.#send(request, operation.random)
      client.write(answer.subarray(0, 1 + operation.random.below(answer.length)), () => client.destroy())
    },
    delay: ({ request, operation }) => {
      this.#deliverAfter(sleep(MIN_DELAY_MS + (MAX_DELAY_MS - MIN_DELAY_MS) * operation.random.next()), request, operation)
    },
    hold: ({ request, operation }) => {
      const released = new Promise<void>(resolve => {
        this.#held.set(operation, [...this.#held.get(operation) ?? [], resolve])
      })
      this.#deliverAfter(released, request, operation)
    },
    double: async delivery => {
      const { request, operation } = delivery
      this.#deliverAfter(operation.random.chance(0.5) ? sleep(MAX_DELAY_MS * operation.random.next()) : Promise.resolve(), request, operation)
      await this.#fates.pass(delivery)
    },
    slow: async ({ client, request, operation }) => {
      const { isConnected, answer } = await this.#send(request, operation.random, { interval: MAX_INTERVAL_MS * operation.random.next() })
      await sleep(MAX_INTERVAL_MS * operation.random.next())
      client.end(isConnected ? answer : BAD_GATEWAY)
    }
  }

  #deliverAfter (time: Promise<void>, request: string, operation: Operation): void {
    const delivery = time.then(async () => { await this.#deliver(request, operation) }).finally(() => { this.#deliveries.delete(delivery) })
    this.#deliveries.add(delivery)
  }

  /** Delivers a request for which no client waits, as soon as there is a process. */
  async #deliver (request: string, operation: Operation): Promise<void> {
    for (;;) {
      const isAfterOutcome = operation.result !== undefined
      const { isConnected, answer } = await this.#send(request, operation.random)
      if (isConnected) {
        this.lateDeliveries++
        if (isAfterOutcome) this.deliveriesAfterOutcome++
        operation.note(`a late request was delivered, and answered: ${answer.toString('latin1').split('\r\n', 1)[0]}`)
        return
      }
      await sleep(REDELIVERY_DELAY_MS)
    }
  }

  /** Sends a request to a random process, or to another one if that is down. */
  async #send (request: string, random: Random, options?: ExchangeOptions): Promise<Exchange> {
    const first = random.below(this.#ports.length)
    let exchange: Exchange
    for (let index = 0; ; index++) {
      exchange = await sendTo(this.#ports[(first + index) % this.#ports.length]!, request, options)
      if (exchange.isConnected || index === this.#ports.length - 1) return exchange
    }
  }
}

/** Reads a request. Resolves to undefined if the client leaves before its end. */
async function readRequest (client: Socket): Promise<string | undefined> {
  return await new Promise(resolve => {
    let received = ''
    client.on('data', chunk => {
      received += chunk.toString('latin1')
      if (isComplete(received)) resolve(received)
    })
    client.on('close', () => { resolve(undefined) })
  })
}

function isComplete (received: string): boolean {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return false
  // The clients send no chunks.
  const [, length = '0'] = /^content-length: (\d+)/im.exec(received.slice(0, end)) ?? []
  return received.length >= end + 4 + Number(length)
}

/** Sends a request to a process, on a connection of its own. */
async function sendTo (port: number, request: string, { interval, onSent, client }: ExchangeOptions = {}): Promise<Exchange> {
  return await new Promise(resolve => {
    const chunks: Buffer[] = []
    let isConnected = false
    const server = connect(port, '127.0.0.1', async () => {
      isConnected = true
      // So the end of the answer is the end of the connection.
      const bytes = Buffer.from(request.replace(/^connection: .*$/im, 'connection: close'), 'latin1')
      if (interval === undefined) server.write(bytes, onSent)
      else await writeSlowly(server, bytes, interval)
    })
    client?.on('close', () => { server.destroy() })
    server.on('data', chunk => { chunks.push(chunk) })
    server.on('error', () => {})
    server.on('close', () => { resolve({ isConnected, answer: Buffer.concat(chunks) }) })
  })
}

async function writeSlowly (server: Socket, bytes: Buffer, interval: number): Promise<void> {
  const size = Math.ceil(bytes.length / PIECES)
  for (let start = 0; start < bytes.length; start += size) {
    if (start > 0) await sleep(interval)
    server.write(bytes.subarray(start, start + size))
  }
}
