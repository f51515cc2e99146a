// Checks the declarations of the package for faults that no compiler reports:
//   - an entry must declare the additions to Fastify's types that its own code makes;
//   - an entry must export each type that its other exports refer to;
//   - no declaration may import the types of a dependency that users do not have to install.
//
//   node scripts/package/types/declarations.js <folder of the installed package>
import { readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'

const folder = resolve(process.argv[2])
const { exports, peerDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
const entries = Object.entries(exports).filter(([, entry]) => entry.types !== undefined)
const faults = []

/** Returns the specifiers of the modules that a file imports, or re-exports from. */
const importsOf = file => ts.preProcessFile(readFileSync(file, 'utf8'), true, true).importedFiles.map(({ fileName }) => fileName)

/** Returns the files of the package that a file imports, directly or indirectly, and the file itself. */
function reached (file, found = new Set()) {
  if (found.has(file)) return found
  found.add(file)
  for (const name of importsOf(file)) {
    if (!name.startsWith('.')) continue
    const target = resolve(dirname(file), name)
    reached(file.endsWith('.d.ts') ? target.replace(/\.js$/, '.d.ts') : target, found)
  }
  return found
}

const declarations = new Set()
for (const [name, entry] of entries) {
  const declared = reached(join(folder, entry.types))
  for (const file of declared) declarations.add(file)
  for (const file of reached(join(folder, entry.default))) {
    const types = file.replace(/\.js$/, '.d.ts')
    if (/^declare module /m.test(readFileSync(types, 'utf8')) && !declared.has(types)) {
      faults.push(`${name} runs ${relative(folder, file)}, but its declarations do not import ${relative(folder, types)}, which extends Fastify's types`)
    }
  }
}

for (const file of declarations) {
  for (const name of importsOf(file)) {
    const [, owner] = /^((?:@[^/]+\/)?[^./][^/]*)/.exec(name) ?? []
    if (owner !== undefined && !name.startsWith('node:') && peerDependencies[owner] === undefined) faults.push(`${relative(folder, file)} imports ${name}, which is not a peer dependency, so users may not have its types`)
  }
}

const program = ts.createProgram(entries.map(([, { types }]) => join(folder, types)), {
  module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, target: ts.ScriptTarget.ES2022, skipLibCheck: true, noEmit: true, types: ['node']
})
const checker = program.getTypeChecker()
const named = ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias | ts.SymbolFlags.Class | ts.SymbolFlags.Enum
const original = symbol => symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
for (const [name, { types }] of entries) {
  const source = program.getSourceFile(join(folder, types))
  const symbols = new Set(checker.getExportsOfModule(checker.getSymbolAtLocation(source)).map(original))
  const visit = node => {
    if (ts.isIdentifier(node)) {
      const symbol = checker.getSymbolAtLocation(node)
      const target = symbol && original(symbol)
      const [declaration] = target?.declarations ?? []
      // Ignore a type that its own module does not export: it is only a shorthand in that module.
      const isOurs = declaration?.getSourceFile().fileName.startsWith(join(folder, 'dist')) && ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Export
      if (isOurs && target.flags & named && !symbols.has(target)) {
        faults.push(`${name} must export the type ${target.name}, because its other exports refer to it`)
        symbols.add(target)
      }
    }
    ts.forEachChild(node, visit)
  }
  for (const symbol of [...symbols]) for (const declaration of symbol.declarations ?? []) visit(declaration)
}

for (const fault of faults) console.error(fault)
if (faults.length > 0) process.exit(1)
console.log(`the declarations of ${entries.length} entries, in ${declarations.size} files, are complete`)
