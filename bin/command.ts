/** The streams of a command. A process has them. */
export interface Streams {
  stdin: AsyncIterable<Uint8Array | string>
  stdout: NodeJS.WritableStream & { isTTY?: boolean }
  stderr: NodeJS.WritableStream & { isTTY?: boolean }
}

/** The environment variables. */
export type Environment = Record<string, string | undefined>

/** A subcommand of `fastify-reason-phrase`. */
export interface Command {
  /** One line about the command. */
  summary: string
  /** The text that `--help` prints. */
  usage: string
  /**
   * Runs the command.
   *
   * @param args the arguments after the name of the command
   * @returns the exit code
   * @throws {UsageError} if an argument is invalid
   */
  run (args: string[], streams: Streams, env: Environment): Promise<number>
}

/** The start of each message of the program, and of each error of the package. */
export const PROGRAM_PREFIX = 'fastify-reason-phrase: '

/** An invalid argument. The message contains nothing that could be a secret. */
export class UsageError extends Error {}

/** Writes all data. Does nothing if the reader closed the pipe. */
export async function writeAll (stream: NodeJS.WritableStream, data: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    // The callback gets the error, but without a listener the error event that follows would end the process.
    stream.on('error', ignore)
    stream.write(data, error => {
      if (!error) stream.off('error', ignore)
      if (!error || (error as NodeJS.ErrnoException).code === 'EPIPE') resolve()
      else reject(error)
    })
  })
}

function ignore (): void {}
