import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Gate, type Scope } from '../../test/fixtures/database.js'
import type { Random } from '../random.js'
import { FATES, type Fate } from './fates.js'
import type { Operation } from './operation.js'

/** A request that the proxy has received. */
interface Delivery {
  readonly client: Socket
  /** The bytes of the request, decoded as latin1. */
  readonly request: string
  readonly operation: Operation
}

/** The result of sending a request to a process. */
interface Exchange {
  /** Whether the process has accepted the connection. */
  readonly isConnected: boolean
  /** The bytes that were received until the connection was closed. */
  readonly answer: Buffer
}

interface ExchangeOptions {
  /** The delay between two pieces of the request, in milliseconds. Default: the request is sent in one piece. */
  readonly interval?: number
  /** Called when the request has been sent. */
  readonly onSent?: () => void
  /** The client connection. When the client closes it, the exchange ends. */
  readonly client?: Socket | undefined
}

/** How long a request is delayed, in milliseconds. It is longer than the timeout of the client. */
const MIN_DELAY_MS = 600
const MAX_DELAY_MS = 2_000
/** The maximum delay between two pieces of a slow request, and before its response, in milliseconds. */
const MAX_INTERVAL_MS = 150
const PIECES = 3
/** The delay between two attempts to deliver a request while no process is running, in milliseconds. */
const REDELIVERY_DELAY_MS = 50

const BAD_GATEWAY = 'HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'

/** A proxy in front of the service processes that injects random faults. */
export class ChaosProxy {
  readonly #findOperation: (key: string) => Operation
  readonly #ports: readonly number[]
  /** Functions that deliver the held requests, by operation. A request is held until the outcome of its operation is final. */
  readonly #held = new Map<Operation, Array<() => void>>()
  /** The pending deliveries of requests whose client is not waiting any more. */
  readonly #deliveries = new Set<Promise<void>>()
  #isHealed = false
  #url = ''
  /** The number of requests for each fate. */
  readonly counts: Record<Fate, number>
  /** The number of requests that were delivered when no client was waiting for the response. */
  lateDeliveries = 0
  /** The number of late deliveries after the outcome of the operation was final. */
  deliveriesAfterOutcome = 0

  /** @param ports the ports of the service processes */
  private constructor (ports: readonly number[], findOperation: (key: string) => Operation) {
    this.#ports = ports
    this.#findOperation = findOperation
    this.counts = Object.fromEntries(Object.keys(FATES).map(fate => [fate, 0])) as Record<Fate, number>
  }

  /** Opens a proxy. It is closed at the end of the scope. */
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

  /** Stops injecting faults. Requests that are held stay held. */
  heal (): void {
    this.#isHealed = true
  }

  /** Delivers the held requests of an operation. */
  release (operation: Operation): void {
    for (const deliver of this.#held.get(operation) ?? []) deliver()
    this.#held.delete(operation)
  }

  /** Resolves when all late requests have been delivered. */
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

  /** Delivers a late request as soon as a process accepts it. */
  async #deliver (request: string, operation: Operation): Promise<void> {
    for (;;) {
      const isAfterOutcome = operation.result !== undefined
      const { isConnected, answer } = await this.#send(request, operation.random)
      if (isConnected) {
        this.lateDeliveries++
        if (isAfterOutcome) this.deliveriesAfterOutcome++
        operation.note(`a late request was delivered, and the response was: ${answer.toString('latin1').split('\r\n', 1)[0]}`)
        return
      }
      await sleep(REDELIVERY_DELAY_MS)
    }
  }

  /** Sends a request to a random process, or to another process if the first one is down. */
  async #send (request: string, random: Random, options?: ExchangeOptions): Promise<Exchange> {
    const first = random.below(this.#ports.length)
    let exchange: Exchange
    for (let index = 0; ; index++) {
      exchange = await sendTo(this.#ports[(first + index) % this.#ports.length]!, request, options)
      if (exchange.isConnected || index === this.#ports.length - 1) return exchange
    }
  }
}

/** Reads a request. Resolves to undefined if the client closes the connection before the end of the request. */
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
  // The client never uses chunked transfer coding.
  const [, length = '0'] = /^content-length: (\d+)/im.exec(received.slice(0, end)) ?? []
  return received.length >= end + 4 + Number(length)
}

/** Sends a request to a process on a new connection. */
async function sendTo (port: number, request: string, { interval, onSent, client }: ExchangeOptions = {}): Promise<Exchange> {
  return await new Promise(resolve => {
    const chunks: Buffer[] = []
    let isConnected = false
    const server = connect(port, '127.0.0.1', async () => {
      isConnected = true
      // Set connection: close, so that the response ends when the server closes the connection.
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
