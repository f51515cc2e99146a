import { lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UsageError } from './command.js'

const FOLDER_PREFIX = 'fastify-reason-phrase-curl-'

// No service accepts the signature any more.
const MAX_AGE_MS = 60 * 60 * 1000

// Of the characters that no shell changes, those of paths.
const PLAIN_PATH = /^[\w/.:,+@=\\-]+$/

/**
 * Returns the arguments of curl for a request, one on each line, as both a shell and `curl -K -` read them. The list of
 * components in a signature contains spaces, and header fields and bodies can be secret. So these are in files that only
 * this user can read.
 *
 * @throws {UsageError} if the path of the folder for temporary files contains a space
 */
export function createCurlArguments ({ method, url }: Request, fields: ReadonlyArray<readonly [name: string, value: string]>, body: Uint8Array | undefined): string[] {
  const folder = createFolder()
  const fieldFile = join(folder, 'fields')
  // curl removes a field that ends with a colon, and sends an empty one that ends with a semicolon.
  writeFileSync(fieldFile, fields.map(([name, value]) => value === '' ? `${name};\n` : `${name}: ${value}\n`).join(''), { mode: 0o600, encoding: 'latin1' })
  const lines = [
    '--globoff',
    // With --request HEAD, curl would wait for a body.
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

/** Returns a new folder for the files of a request. Removes the folders of earlier ones. */
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
    // Another process can have removed it.
    const stats = lstatSync(folder, { throwIfNoEntry: false })
    if (stats !== undefined && stats.mtimeMs < oldest && stats.uid === process.getuid?.()) rmSync(folder, { recursive: true, force: true })
  }
}
