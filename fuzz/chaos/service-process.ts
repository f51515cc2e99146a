import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Scope } from '../../test/fixtures/database.js'
import { canConnect, findPort } from './ports.js'

const POLL_INTERVAL_MS = 20
const START_TIMEOUT_MS = 60_000

/** A service process that can be killed, stopped, paused and restarted. */
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
   * Starts a process. It is killed at the end of the scope.
   *
   * @param folder the folder with the compiled service
   */
  static async start (scope: Scope, folder: string, env: NodeJS.ProcessEnv): Promise<ServiceProcess> {
    const port = await findPort()
    const service = new ServiceProcess(folder, { ...env, PORT: String(port) }, port)
    scope.teardown(() => service.kill())
    // Also kill the process if the run ends without ending its scope, for example by a signal.
    process.once('exit', () => { service.#child?.kill('SIGKILL') })
    await service.start()
    return service
  }

  /** How the process has ended unexpectedly. Undefined if it has not. */
  get problem (): string | undefined {
    return this.#problem
  }

  /**
   * Starts the process, and resolves when it listens. If the process ends before, because its database is too slow, starts
   * it again, as a supervisor would do.
   *
   * @throws {Error} if no process listens within 60 seconds
   */
  async start (): Promise<void> {
    this.#isToEnd = false
    this.#isListening = false
    this.#spawn()
    const deadline = performance.now() + START_TIMEOUT_MS
    while (!await canConnect(this.port)) {
      if (performance.now() > deadline) throw new Error(`The service on port ${this.port} does not listen within ${START_TIMEOUT_MS / 1000} seconds`)
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

  /** Suspends the process. Its connections stay open. */
  pause (): void {
    this.#child?.kill('SIGSTOP')
  }

  resume (): void {
    this.#child?.kill('SIGCONT')
  }
}
