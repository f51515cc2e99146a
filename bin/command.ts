/** Where a command reads and writes. A process has them. */
export interface Streams {
  stdin: AsyncIterable<Uint8Array | string>
  stdout: NodeJS.WritableStream & { isTTY?: boolean }
  stderr: NodeJS.WritableStream & { isTTY?: boolean }
}

export type Environment = Record<string, string | undefined>

/** One subcommand of `fastify-reason-phrase`. */
export interface Command {
  /** What it is for, in a line. */
  summary: string
  /** How to use it: what `--help` prints. */
  usage: string
  /**
   * @param args those after its name
   * @returns the exit code
   * @throws {UsageError} for wrong use
   */
  run (args: string[], streams: Streams, env: Environment): Promise<number>
}

/** Wrong use. Its message says what is wrong, and quotes nothing that could be a secret. */
export class UsageError extends Error {}

/** Writes all of it, unless nobody reads any more. */
export async function write (stream: NodeJS.WritableStream, data: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    // The callback has the error, too, and an event that nobody listens to ends the process.
    stream.once('error', () => {})
    stream.write(data, error => (error as NodeJS.ErrnoException | null | undefined)?.code === 'EPIPE' || !error ? resolve() : reject(error))
  })
}
