import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import t from 'tap'
import * as client from '../../client/index.js'

/** Bundles the client for a browser. */
async function bundle (contents: string) {
  const { metafile, outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    metafile: true,
    write: false
  })
  return { text: outputFiles[0]!.text, inputs: Object.keys(metafile.inputs) }
}

t.test('exports the public functions', async t => {
  t.strictSame(Object.keys(client).sort(), ['createClient', 'outcomeOf', 'signer'])
})

t.test('is less than 5 KB, and needs nothing that browsers lack', async t => {
  const { text, inputs } = await bundle("export * from '../../client/index.js'")
  const size = gzipSync(text, { level: 9 }).length
  t.ok(size < 5 * 1024, `${size} bytes`)
  t.comment(`${size} bytes gzipped`)
  for (const input of inputs) t.match(input, /^client\/|^lib\/signature\/signature-base\.ts$|<stdin>/)
})

t.test('is tree-shakeable', async t => {
  const { text } = await bundle("import { outcomeOf } from '../../client/index.js'; console.log(outcomeOf(new Response()))")
  t.match(text, 'retry-after')
  for (const part of ['HMAC', 'createClient', 'baseUrl', '@method']) t.notMatch(text, part)
  t.equal((await bundle("import '../../client/index.js'")).text.trim(), '', 'has no side effects')
})
