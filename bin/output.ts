import { closeSync, openSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { UsageError, writeAll, type Streams } from './command.js'

/** Standard output, as the file of `--output`. */
const STDOUT = '-'

/** Returns the file of `--output`. Undefined for standard output. */
function toFile (output: string | undefined): string | undefined {
  return output === STDOUT ? undefined : output
}

/**
 * Checks that the file of `--output` can be written, before anything is sent.
 * Does not change or create the file.
 *
 * @throws {UsageError} if it cannot be written
 */
export function checkOutput ({ output }: { output?: string }): void {
  const file = toFile(output)
  if (file === undefined) return
  try {
    const stats = statSync(file, { throwIfNoEntry: false })
    // To open a pipe could wait for its reader.
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
 * @returns why the file cannot be written; undefined if it was
 */
export async function writeOutput (data: string | Uint8Array, output: string | undefined, { stdout }: Streams): Promise<string | undefined> {
  const file = toFile(output)
  if (file === undefined) {
    // An empty write would wait for a reader that may be gone.
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
  return `The file of --output cannot be written (${(error as NodeJS.ErrnoException).code})`
}
