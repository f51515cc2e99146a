import { WaitingLine } from './waiting-line.js'

/** Limits how many calls run at the same time. The others wait in the order of their arrival. */
export class Limiter {
  #free: number
  readonly #waiting = new WaitingLine<true>()

  /** @param max how many calls can run at the same time */
  constructor (max: number) {
    this.#free = max
  }

  /**
   * Calls `work` as soon as fewer calls run than the limit.
   *
   * @param deadline when to stop waiting, as a time of `performance.now()`
   * @returns what `work` resolves to; undefined if the deadline passes before `work` is called
   * @throws what `work` rejects with
   */
  async run<R> (deadline: number, work: () => Promise<R>): Promise<R | undefined> {
    if (this.#free > 0) this.#free--
    else if (await this.#waiting.wait(deadline) === undefined) return undefined
    try {
      return await work()
    } finally {
      if (!this.#waiting.callNext(true)) this.#free++
    }
  }
}
