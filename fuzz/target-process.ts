import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Measurement } from './target.js'

/** The target service in a separate process. */
export class TargetProcess {
  readonly port: number
  readonly #process: ChildProcess
  #exitReason: string | undefined

  static async start (): Promise<TargetProcess> {
    const process = fork(join(import.meta.dirname, 'target.ts'), { execArgv: ['--expose-gc', '--import', 'tsx'] })
    const [port] = await Promise.race([once(process, 'message'), once(process, 'exit').then(() => { throw new Error('the service did not start') })])
    return new TargetProcess(process, port)
  }

  private constructor (process: ChildProcess, port: number) {
    this.#process = process
    this.port = port
    process.once('exit', (code, signal) => { this.#exitReason = `the service ended with ${signal ?? code}` })
  }

  /** How the process ended. Undefined while it is running. */
  get exitReason (): string | undefined {
    return this.#exitReason
  }

  /** Returns the memory and the handles of the process, after a garbage collection. */
  async measure (): Promise<Measurement> {
    if (this.#exitReason !== undefined) throw new Error(this.#exitReason)
    const message = once(this.#process, 'message')
    this.#process.send('measure')
    const [measured] = await Promise.race([message, once(this.#process, 'exit').then(() => { throw new Error(this.#exitReason) })])
    return measured
  }

  /** Waits until the process has no open connections, or until the timeout. Returns the last measurement. */
  async waitUntilIdle (milliseconds = 10_000): Promise<Measurement> {
    const until = Date.now() + milliseconds
    for (;;) {
      const measured = await this.measure()
      if (isIdle(measured) || Date.now() > until) return measured
    }
  }

  /** Returns the problems of the service after all clients have left: open connections, or a valid request that fails. */
  async findLeftovers (last: Measurement): Promise<string[]> {
    const problems = isIdle(last) ? [] : [`${last.connections} connections are still open after all clients closed theirs`]
    const response = await fetch(`http://127.0.0.1:${this.port}/ok`)
    if (response.status !== 200) problems.push(`a valid request at the end gets the status code ${response.status} instead of 200`)
    await response.text()
    return problems
  }

  stop (): void {
    if (this.#process.connected) this.#process.disconnect()
  }
}

function isIdle ({ connections, resources }: Measurement): boolean {
  return connections === 0 && resources.TCPSocketWrap === undefined
}

/** Returns a measurement as one line of text. */
export function formatMeasurement ({ heap, rss, connections, requests, resources }: Measurement): string {
  const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`
  return `heap ${megabytes(heap)}, rss ${megabytes(rss)}, ${connections} connections, ${requests} requests, ${Object.entries(resources).map(([name, count]) => `${count} ${name}`).join(', ')}`
}
