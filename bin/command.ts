import type { Flags } from './flags.js'

/** The streams of a command, which are those of `process` outside of tests. */
export interface Streams {
  stdin: AsyncIterable<Uint8Array | string>
  stdout: NodeJS.WritableStream & { isTTY?: boolean }
  stderr: NodeJS.WritableStream & { isTTY?: boolean }
}

/** The environment variables. */
export type Environment = Record<string, string | undefined>

/** A subcommand of `fastify-reason-phrase`. */
export interface Command {
  /** One line about the command, for the list of commands. */
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

/** The prefix of each message of the program, and of each error message of the package. */
export const PROGRAM_PREFIX = 'fastify-reason-phrase: '

/** The exit code for invalid arguments (sysexits.h, EX_USAGE). */
export const EXIT_USAGE = 64

/**
 * The exit code for a failure of the program itself (sysexits.h, EX_SOFTWARE). It is not 1, which means that the operation was
 * rejected.
 */
export const EXIT_SOFTWARE = 70

/** Thrown for an invalid argument. The message must not contain anything that could be a secret. */
export class UsageError extends Error {}

/** Writes all data. Ignores that the reader has closed the pipe. */
export async function writeAll (stream: NodeJS.WritableStream, data: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    // The callback gets the error. But an error event follows, which would end the process without a listener.
    stream.on('error', ignore)
    stream.write(data, error => {
      if (!error) stream.off('error', ignore)
      if (!error || isClosed(error)) resolve()
      else reject(error)
    })
  })
}

/** Returns whether a write failed because the reader has closed the pipe, now or at an earlier write. */
function isClosed ({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED'
}

function ignore (): void {}
