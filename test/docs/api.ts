import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript'

const root = join(import.meta.dirname, '..', '..')
const { entryPoints } = JSON.parse(readFileSync(join(root, 'typedoc.json'), 'utf8')) as { entryPoints: string[] }

/** Returns the names that a module exports, except for the names of `export *`. */
function exportsOf (source: ts.SourceFile): string[] {
  return source.statements.flatMap(statement => {
    if (ts.isExportAssignment(statement)) return ['default']
    if (ts.isExportDeclaration(statement)) return (statement.exportClause as ts.NamedExports).elements.map(({ name }) => name.text)
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) ?? [] : []
    if (!modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return []
    if (modifiers.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)) return ['default']
    return [(statement as ts.InterfaceDeclaration | ts.FunctionDeclaration).name!.text]
  })
}

for (const entryPoint of entryPoints) {
  const text = readFileSync(join(root, entryPoint), 'utf8')
  const [, module] = /@module (\S+)/.exec(text)!
  t.test(`the API reference contains each export of ${module}`, async t => {
    const page = readFileSync(join(root, 'docs', 'api', `${module}.md`), 'utf8')
    const documented = Array.from(page.matchAll(/^### (.*?)(?:\(\))?$/gm), ([, name]) => name!.replaceAll('\\', ''))
    const exported = exportsOf(ts.createSourceFile(entryPoint, text, ts.ScriptTarget.ES2022))
    t.strictSame([...new Set(documented)].sort(), [...new Set(exported)].sort())
  })
}
