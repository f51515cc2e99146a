import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..', '..', 'examples')
const readme = readFileSync(join(root, 'README.md'), 'utf8')

for (const { name } of readdirSync(root, { withFileTypes: true }).filter(entry => entry.isDirectory())) {
  t.test(`examples/${name} is short, and begins with the commands to run it`, async t => {
    const files = readdirSync(join(root, name), { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
    const texts = files.map(file => readFileSync(join(file.parentPath, file.name), 'utf8'))
    const lines = texts.join('').trimEnd().split('\n')
    t.ok(lines.length < 60, `has ${lines.length} lines`)
    t.ok(texts.some(text => new RegExp(`^// .*\\.\\n//\\n(?:// .*\\n|//\\n)*//     .*examples/${name}\\b`).test(text)), 'has a command in a comment at the start')
    t.match(readme, `](${name}/`, 'is in the list')
  })
}
