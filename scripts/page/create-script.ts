import { join } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..', '..')

/** The path of the file with the script of the page, relative to the root of the project. */
export const SCRIPT_FILE = 'plugins/openapi/swagger-ui/page-script.ts'

/** Returns the text of {@link SCRIPT_FILE}: a module that exports the code of page/, bundled with the client, as one script. */
export async function createScript (): Promise<string> {
  const { outputFiles: [bundle] } = await build({
    absWorkingDir: root,
    entryPoints: ['page/index.ts'],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    // Otherwise the bundle begins with a directive that has no effect at that position.
    tsconfigRaw: {}
  })
  const text = bundle!.text.trimEnd().replace(/[\\`]|\$(?=\{)/g, '\\$&')
  return `// npm run build:page writes this file. Do not edit it: edit page/.

/** The code of page/, with the client, as a script for browsers. \`HEADERS\` must be declared in front of it. */
export const PAGE_SCRIPT = \`${text}
\`
`
}
