import { lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UsageError } from './command.js'

const FOLDER_PREFIX = 'fastify-reason-phrase-curl-'

// After this time, no service accepts the signature any more, so the files are useless.
const MAX_AGE_MS = 60 * 60 * 1000

// The characters that occur in paths and have no special meaning in any shell.
const PLAIN_PATH = /^[\w/.:,+@=\\-]+$/

/**
 * Returns the arguments of curl for a request, one on each line. A shell and `curl -K -` can both read them. The header
 * fields and the body are written to files that only this user can read: they can be secret, and the list of components in
 * a signature contains spaces.
 *
 * @throws {UsageError} if the path of the folder for temporary files contains a space
 */
export function createCurlArguments ({ method, url }: Request, fields: ReadonlyArray<readonly [name: string, value: string]>, body: Uint8Array | undefined): string[] {
  const folder = createFolder()
  const fieldFile = join(folder, 'fields')
  // For curl, `name:` removes a field, and `name;` sends an empty field.
  writeFileSync(fieldFile, fields.map(([name, value]) => value === '' ? `${name};\n` : `${name}: ${value}\n`).join(''), { mode: 0o600, encoding: 'latin1' })
  const lines = [
    '--globoff',
    // With --request HEAD, curl would wait for a response body.
    method === 'HEAD' ? '--head' : `--request ${method}`,
    `--header @${fieldFile}`
  ]
  if (body !== undefined && body.length > 0) {
    const bodyFile = join(folder, 'body')
    writeFileSync(bodyFile, body, { mode: 0o600 })
    lines.push(`--data-binary @${bodyFile}`)
  }
  return [...lines, `--url ${url}`]
}

/** Creates a folder for the files of a request, and returns its path. Removes old folders of earlier requests. */
function createFolder (): string {
  const parent = tmpdir()
  if (!PLAIN_PATH.test(parent)) throw new UsageError('--curl needs a folder for temporary files without spaces in its path. Set the environment variable TMPDIR')
  removeOldFolders(parent)
  return mkdtempSync(join(parent, FOLDER_PREFIX))
}

function removeOldFolders (parent: string): void {
  const oldest = Date.now() - MAX_AGE_MS
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(FOLDER_PREFIX)) continue
    const folder = join(parent, name)
    // Another process can have removed the folder in the meantime.
    const stats = lstatSync(folder, { throwIfNoEntry: false })
    if (stats !== undefined && stats.mtimeMs < oldest && stats.uid === process.getuid?.()) rmSync(folder, { recursive: true, force: true })
  }
}
