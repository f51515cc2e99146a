import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Measured } from './target.js'

/** The service, in a process of its own. */
export class Child {
  readonly port: number
  readonly #process: ChildProcess
  #ended: string | undefined

  static async start (): Promise<Child> {
    const process = fork(join(import.meta.dirname, 'target.ts'), { execArgv: ['--expose-gc', '--import', 'tsx'] })
    const [port] = await Promise.race([once(process, 'message'), once(process, 'exit').then(() => { throw new Error('the service did not start') })])
    return new Child(process, port)
  }

  private constructor (process: ChildProcess, port: number) {
    this.#process = process
    this.port = port
    process.once('exit', (code, signal) => { this.#ended = `the service ended with ${signal ?? code}` })
  }

  /** How the process ended, if it did. */
  get ended (): string | undefined {
    return this.#ended
  }

  /** What there is of it, after a collection of its garbage. */
  async measure (): Promise<Measured> {
    if (this.#ended !== undefined) throw new Error(this.#ended)
    const answer = once(this.#process, 'message')
    this.#process.send('measure')
    const [measured] = await Promise.race([answer, once(this.#process, 'exit').then(() => { throw new Error(this.#ended) })])
    return measured
  }

  /** What there is of it once its connections are closed, or the time is up. */
  async settled (milliseconds = 10_000): Promise<Measured> {
    const until = Date.now() + milliseconds
    for (;;) {
      const measured = await this.measure()
      if (isQuiet(measured) || Date.now() > until) return measured
    }
  }

  /** What is wrong with the service once all clients are gone, and this was measured. */
  async problemsAfter (last: Measured): Promise<string[]> {
    const problems = isQuiet(last) ? [] : [`${last.connections} connections are open after all clients closed theirs`]
    const response = await fetch(`http://127.0.0.1:${this.port}/ok`)
    if (response.status !== 200) problems.push(`afterwards a good request is answered ${response.status}`)
    await response.text()
    return problems
  }

  stop (): void {
    if (this.#process.connected) this.#process.disconnect()
  }
}

function isQuiet ({ connections, resources }: Measured): boolean {
  return connections === 0 && resources.TCPSocketWrap === undefined
}

/** The numbers of a service on one line. */
export function line ({ heap, rss, connections, requests, resources }: Measured): string {
  const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`
  return `heap ${megabytes(heap)}, rss ${megabytes(rss)}, ${connections} connections, ${requests} requests, ${Object.entries(resources).map(([name, count]) => `${count} ${name}`).join(', ')}`
}
