import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { transform } from 'esbuild'

const root = new URL('../../', import.meta.url)
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
  const sourcefile = fileURLToPath(url)
  const { code } = await transform(await readFile(sourcefile, 'utf8'), { sourcefile, loader: 'ts', format: 'esm', target: 'node20', sourcemap: 'inline' })
  return { format: 'module', source: code, shortCircuit: true }
}
