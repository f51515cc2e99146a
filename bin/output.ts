import { closeSync, openSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { describeFileError } from '../lib/file-error.js'
import { UsageError, writeAll, type Streams } from './command.js'

/** The argument of `--output` that stands for standard output. */
const STDOUT = '-'

/** Returns the path of the file for `--output`. Undefined for standard output. */
function toFile (output: string | undefined): string | undefined {
  return output === STDOUT ? undefined : output
}

/**
 * Checks that the file of `--output` can be written. Called before anything is
 * sent. Does not change or create the file.
 *
 * @throws {UsageError} if the file cannot be written
 */
export function checkOutput ({ output }: { output?: string }): void {
  const file = toFile(output)
  if (file === undefined) return
  try {
    const stats = statSync(file, { throwIfNoEntry: false })
    // Do not open a pipe: open() would block until another process opens it for reading.
    if (stats !== undefined && !stats.isFile() && !stats.isDirectory()) return
    closeSync(openSync(file, 'a'))
    if (stats === undefined) unlinkSync(file)
  } catch (error) {
    throw new UsageError(explainError(error))
  }
}

/**
 * Writes data to the file of `--output`, or to standard output.
 *
 * @returns why the file cannot be written. Undefined if it was written.
 */
export async function writeOutput (data: string | Uint8Array, output: string | undefined, { stdout }: Streams): Promise<string | undefined> {
  const file = toFile(output)
  if (file === undefined) {
    // Skip an empty write: it would wait for the reader of a pipe, which may already have exited.
    if (data.length > 0) await writeAll(stdout, data)
    return undefined
  }
  try {
    writeFileSync(file, data)
  } catch (error) {
    return explainError(error)
  }
}

function explainError (error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  return `The file of --output cannot be written: ${code === 'ENOENT' ? 'there is no such folder' : describeFileError(error as NodeJS.ErrnoException)}`
}
