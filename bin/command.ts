import type { Flags } from './flags.js'

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
  flags: Flags
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

/** The exit code for invalid arguments (sysexits.h, EX_USAGE). */
export const EXIT_USAGE = 64

/** The exit code for a failure of the program itself (sysexits.h, EX_SOFTWARE). The exit code 1 would mean that the operation was rejected. */
export const EXIT_SOFTWARE = 70

/** An invalid argument. The message contains nothing that could be a secret. */
export class UsageError extends Error {}

/** Writes all data. Does nothing if the reader closed the pipe. */
export async function writeAll (stream: NodeJS.WritableStream, data: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    // The callback gets the error, but without a listener the error event that follows would end the process.
    stream.on('error', ignore)
    stream.write(data, error => {
      if (!error) stream.off('error', ignore)
      if (!error || isClosed(error)) resolve()
      else reject(error)
    })
  })
}

/** Returns whether the reader of a stream is gone: at this write, or at an earlier one. */
function isClosed ({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED'
}

function ignore (): void {}
