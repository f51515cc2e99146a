import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Scope } from '../../test/fixtures/database.js'
import { canConnect, findPort } from './ports.js'

const POLL_INTERVAL_MS = 20
const START_TIMEOUT_MS = 60_000

/** A process of the service, which can be killed, stopped and paused, and started again. */
export class ServiceProcess {
  readonly port: number
  readonly #folder: string
  readonly #env: NodeJS.ProcessEnv
  #child: ChildProcess | undefined
  #ended: Promise<unknown> = Promise.resolve()
  #isToEnd = false
  #isListening = false
  #problem: string | undefined

  private constructor (folder: string, env: NodeJS.ProcessEnv, port: number) {
    this.#folder = folder
    this.#env = env
    this.port = port
  }

  /**
   * Starts a process, which ends with the scope.
   *
   * @param folder where the service was compiled
   */
  static async start (scope: Scope, folder: string, env: NodeJS.ProcessEnv): Promise<ServiceProcess> {
    const port = await findPort()
    const service = new ServiceProcess(folder, { ...env, PORT: String(port) }, port)
    scope.teardown(() => service.kill())
    // If the run ends without its scope, for example by a signal.
    process.once('exit', () => { service.#child?.kill('SIGKILL') })
    await service.start()
    return service
  }

  /** How the process has ended by itself; undefined if it has not. */
  get problem (): string | undefined {
    return this.#problem
  }

  /**
   * Starts the process, and resolves when it listens. A process that ends before that, because its database answers too
   * slowly, is started again, as a supervisor would.
   *
   * @throws {Error} if no process listens within 60 seconds
   */
  async start (): Promise<void> {
    this.#isToEnd = false
    this.#isListening = false
    this.#spawn()
    const deadline = performance.now() + START_TIMEOUT_MS
    while (!await canConnect(this.port)) {
      if (performance.now() > deadline) throw new Error('A process of the service does not start')
      if (this.#child!.exitCode !== null) this.#spawn()
      await sleep(POLL_INTERVAL_MS)
    }
    this.#isListening = true
  }

  #spawn (): void {
    const child = spawn(process.execPath, [join('fuzz', 'chaos', 'server.js')], { cwd: this.#folder, env: this.#env, stdio: ['pipe', 2, 2] })
    this.#child = child
    this.#ended = once(child, 'exit').then(([code, signal]) => {
      if (this.#isListening && !this.#isToEnd) this.#problem = `a process of the service has ended by itself, with ${signal ?? code}`
    })
  }

  /** Sends SIGKILL, and resolves when the process has ended. */
  async kill (): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Sends SIGTERM, and resolves when the process has ended. */
  async stop (): Promise<void> {
    await this.#end('SIGTERM')
  }

  async #end (signal: NodeJS.Signals): Promise<void> {
    this.#isToEnd = true
    this.#child?.kill(signal)
    await this.#ended
  }

  /** Stops the process from running, and keeps its connections. */
  pause (): void {
    this.#child?.kill('SIGSTOP')
  }

  resume (): void {
    this.#child?.kill('SIGCONT')
  }
}
