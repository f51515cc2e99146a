import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../../', import.meta.url)

// Each test file is a process that loads up to 200 sources. To start a process of esbuild takes longer than most tests.
const cache = new URL('.tap/compiled/', root)
mkdirSync(cache, { recursive: true })

const { name, exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))

/** The source files of the package's entries, by the specifiers that users import. */
const ENTRIES = new Map(Object.entries(exports)
  .filter(([, entry]) => entry.default !== undefined)
  .map(([path, entry]) => [name + path.slice(1), new URL(entry.default.replace('/dist/', '/').replace(/js$/, 'ts'), root).href]))

/** Resolves an import of a `.js` file or of an entry of the package to its TypeScript source. */
export async function resolve (specifier, context, nextResolve) {
  const entry = ENTRIES.get(specifier)
  if (entry !== undefined) return { url: entry, format: 'module', shortCircuit: true }
  if (/^\.\.?\/.*\.js$/.test(specifier) && context.parentURL?.endsWith('.ts')) {
    const url = new URL(specifier.replace(/js$/, 'ts'), context.parentURL)
    if (existsSync(url)) return { url: url.href, format: 'module', shortCircuit: true }
  }
  return await nextResolve(specifier, context)
}

export async function load (url, context, nextLoad) {
  if (!url.endsWith('.ts')) return await nextLoad(url, context)
  return { format: 'module', source: await compile(fileURLToPath(url)), shortCircuit: true }
}

/** Compiles a source. Uses the result of an earlier process if the source has not changed since then. */
async function compile (sourcefile) {
  const source = readFileSync(sourcefile, 'utf8')
  const cached = new URL(`${hash(sourcefile)}.js`, cache)
  const firstLine = `${hash(source)}\n`
  const known = existsSync(cached) ? readFileSync(cached, 'utf8') : ''
  if (known.startsWith(firstLine)) return known.slice(firstLine.length)

  const { transform } = await import('esbuild')
  const { code } = await transform(source, { sourcefile, loader: 'ts', format: 'esm', target: 'node20', sourcemap: 'inline' })
  // Rename the complete file, because other processes read it at the same time.
  const temporary = new URL(`${process.pid}.tmp`, cache)
  writeFileSync(temporary, firstLine + code)
  renameSync(temporary, cached)
  return code
}

function hash (text) {
  return createHash('sha256').update(text).digest('hex')
}
