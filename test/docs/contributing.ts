import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..', '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const page = read('CONTRIBUTING.md')

t.test('CONTRIBUTING.md lists the steps of CI', async t => {
  const steps = Array.from(read('.ci/run').matchAll(/^ *step (npm .*)$/gm), ([, step]) => step)
  const [, section] = page.split('## What CI runs\n')
  t.strictSame(Array.from(section!.matchAll(/^\| `(npm .*?)` \|/gm), ([, step]) => step), steps)
})

t.test('each npm script that a page mentions exists', async t => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const pages = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', ...readdirSync(join(root, 'docs')).filter(name => name.endsWith('.md')).map(name => `docs/${name}`)]
  for (const name of pages) {
    for (const [command, script] of read(name).matchAll(/npm run (?:--?\w+ )*([a-z][\w:-]*)/g)) t.ok(script! in scripts, `${name}: ${command}`)
  }
})

t.test('each folder and file in the map of CONTRIBUTING.md exists', async t => {
  const [, section] = page.split('## Where things are\n')
  const [table] = section!.split('\n## ')
  const named = Array.from(table!.matchAll(/`([\w./-]+\/|\w+\.ts)`/g), ([, path]) => path!)
  for (const path of named) t.ok(existsSync(join(root, path)), path)
  const ignored = new Set(['node_modules', ...read('.gitignore').match(/^[.\w]+(?=\/$)/gm)!])
  for (const { name } of readdirSync(root, { withFileTypes: true }).filter(entry => entry.isDirectory() && !entry.name.startsWith('.') && !ignored.has(entry.name))) {
    t.ok(named.some(path => path.startsWith(`${name}/`)), name)
  }
})
