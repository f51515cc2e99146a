import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { anchorsOf, linksOf } from '../fixtures/markdown.js'

const root = join(import.meta.dirname, '..', '..')
const pages = [
  ...readdirSync(root).filter(name => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md') && !name.includes('node_modules'))
    .map(name => `docs/${name}`)
]
const read = (page: string) => readFileSync(join(root, page), 'utf8')

/** Returns the files in the tarball, except for the files in `dist`. */
function listPackedFiles (): string[] {
  const { status, stdout, stderr } = spawnSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], {
    cwd: root, encoding: 'utf8', env: { ...process.env, npm_config_loglevel: 'error' }
  })
  if (status !== 0) throw new Error(stderr)
  const [{ files }] = JSON.parse(stdout) as [{ files: Array<{ path: string }> }]
  return files.map(({ path }) => path).filter(path => !path.startsWith('dist/'))
}

t.test('finds the links and the anchors of a page', async t => {
  const text = [
    '# The `first` [heading](a.md)!', '## Same', '## Same', '[a](b.md#c) ![b](../d.png) [c](#same)', '[e](https://example.com/#f)',
    '```md', '# no heading', '[no](link.md)', '```', '`[no](link.md)`', '<img src="e.svg">', '[f]: g/', '<a id="own"></a>'
  ].join('\n')
  t.strictSame([...anchorsOf(text)], ['the-first-heading', 'same', 'same-1', 'own'])
  t.strictSame(linksOf('docs/page.md', text).map(({ file, anchor }) => `${file} ${anchor}`), [
    'docs/a.md ', 'docs/b.md c', 'd.png ', 'docs/page.md same', 'docs/e.svg ', 'docs/g '
  ])
})

t.test('the file and the section of each link exist', async t => {
  for (const page of pages) {
    const text = read(page)
    for (const { file, anchor } of linksOf(page, text)) {
      if (!t.ok(existsSync(join(root, file)), `${page} links to ${file}`)) continue
      if (anchor !== '') t.ok(anchorsOf(read(file)).has(anchor), `${page} links to ${file}#${anchor}`)
    }
  }
})

t.test('each link of a page in the tarball points to a file in the tarball', async t => {
  const packed = listPackedFiles()
  const packedPages = packed.filter(path => path.endsWith('.md'))
  for (const page of ['README.md', 'CHANGELOG.md', 'docs/contract.md']) t.ok(packedPages.includes(page), page)
  for (const page of packedPages) {
    for (const { file } of linksOf(page, read(page))) {
      t.ok(packed.some(path => path === file || path.startsWith(`${file}/`)), `${page} links to ${file}`)
    }
  }
})
