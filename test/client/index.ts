import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import t from 'tap'
import * as client from '../../client/index.js'

/** Returns the size of a script in bytes, compressed with gzip. */
const sizeOf = (text: string) => gzipSync(text, { level: 9 }).length

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
  t.strictSame(Object.keys(client).sort(), ['createBasicClient', 'createClient', 'outcomeOf', 'signer'])
})

t.test('needs nothing that browsers lack', async t => {
  const { inputs } = await bundle("export * from '../../client/index.js'")
  for (const input of inputs) t.match(input, /^client\/|^lib\/signature\/signature-base\.ts$|<stdin>/)
})

const sizes: Array<[title: string, code: string, kilobytes: number]> = [
  ['outcomeOf() alone', "import { outcomeOf } from '../../client/index.js'; console.log(outcomeOf(new Response()))", 1],
  ['the client without retries', "import { createBasicClient } from '../../client/index.js'; console.log(createBasicClient({ baseUrl: 'http://a' }))", 4],
  ['the client', "import { createClient } from '../../client/index.js'; console.log(createClient({ baseUrl: 'http://a' }))", 6],
  ['all of it', "export * from '../../client/index.js'", 6]
]
for (const [title, code, kilobytes] of sizes) {
  t.test(`${title} is less than ${kilobytes} KB`, async t => {
    const size = sizeOf((await bundle(code)).text)
    t.ok(size < kilobytes * 1024, `${size} bytes`)
    t.comment(`${size} bytes gzipped`)
  })
}

t.test('is tree-shakeable', async t => {
  const { text } = await bundle("import { outcomeOf } from '../../client/index.js'; console.log(outcomeOf(new Response()))")
  t.match(text, 'retry-after')
  for (const part of ['HMAC', 'createClient', 'baseUrl', '@method']) t.notMatch(text, part)
  const basic = await bundle("import { createBasicClient } from '../../client/index.js'; createBasicClient({ baseUrl: 'http://a' })")
  t.match(basic.text, 'HMAC')
  for (const part of ['deadline', 'settle', '/v2/operation', '@target-uri']) t.notMatch(basic.text, part)
  t.equal((await bundle("import '../../client/index.js'")).text.trim(), '', 'has no side effects')
})
