import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript'

const root = join(import.meta.dirname, '..', '..')
const documents = ['README.md', 'CONTRIBUTING.md', ...readdirSync(join(root, 'docs')).filter(name => name.endsWith('.md')).map(name => `docs/${name}`)]

interface Block { name: string, language: string, code: string }

const blocks = documents.flatMap(document => {
  const text = readFileSync(join(root, document), 'utf8')
  return Array.from(text.matchAll(/^```(\w*)\n([^]*?)\n```$/gm), ({ 1: language, 2: code, index }): Block => ({
    name: `${document}:${text.slice(0, index).split('\n').length}`, language: language!, code: code!
  }))
})

/** Declarations that are added to a block if it uses a name without declaring it. */
const AROUND: Record<string, string> = {
  app: "declare const app: import('fastify').FastifyInstance",
  baseUrl: 'declare const baseUrl: string',
  build: "declare function build (): Promise<import('fastify').FastifyInstance>",
  findCaller: 'declare function findCaller (authorization?: string): Promise<{ mayWrite: boolean } | undefined>',
  job: 'declare const job: { id: string, body: object }',
  outbox: 'declare const outbox: { save (key: string): Promise<void>, remove (key: string): Promise<void>, list (): Promise<string[]> }',
  paths: "interface paths { '/v2/topic': { post: { parameters: { header?: { 'Idempotency-Key'?: string } }, requestBody: { content: { 'application/json': object } }, responses: { 201: { headers: Record<string, string>, content: { 'application/json': object } } } } } }",
  pool: "declare const pool: import('pg').Pool",
  reasonPhrase: "import reasonPhrase from 'fastify-reason-phrase'",
  secret: 'declare const secret: string',
  Topic: 'type Topic = { topicId: string, name: string }'
}

function moduleOf (code: string): string {
  const declares = (name: string) => new RegExp(`(?:const|import|interface|type|function) (?:\\{ )?${name}\\b(?=[^.(])`).test(code)
  const around = Object.entries(AROUND).filter(([name]) => new RegExp(`\\b${name}\\b`).test(code) && !declares(name))
  // In the README, `Topic` is used both as a type and as a value.
  const schema = /schemas: \{ Topic \}/.test(code) ? ['declare const Topic: object'] : []
  return [...around.map(([, declaration]) => declaration), ...schema, 'export {}', code].join('\n')
}

t.test('each TypeScript block compiles', async t => {
  const options: ts.CompilerOptions = {
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: ['node'],
    paths: {
      'fastify-reason-phrase': [join(root, 'index.ts')],
      'fastify-reason-phrase/client': [join(root, 'client', 'index.ts')],
      'fastify-reason-phrase/conformance': [join(root, 'conformance', 'index.ts')],
      'fastify-reason-phrase/idempotency': [join(root, 'plugins', 'idempotency', 'index.ts')],
      'fastify-reason-phrase/maintenance': [join(root, 'plugins', 'maintenance', 'index.ts')],
      'fastify-reason-phrase/openapi': [join(root, 'plugins', 'openapi', 'index.ts')],
      'fastify-reason-phrase/signature': [join(root, 'plugins', 'signature', 'index.ts')]
    }
  }
  const written = blocks.filter(({ language }) => language === 'ts')
  const files = new Map(written.map(({ name, code }) => [join(root, `${name.replaceAll(/\W/g, '_')}.ts`), { name, text: moduleOf(code) }]))
  // docs/getting-started.md imports this file of the reader.
  files.set(join(root, 'build.ts'), { name: 'build.ts', text: `export ${AROUND.build!}` })
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists } = host
  host.fileExists = file => files.has(file) || fileExists(file)
  host.getSourceFile = (file, ...rest) => files.has(file) ? ts.createSourceFile(file, files.get(file)!.text, ts.ScriptTarget.ES2022) : getSourceFile(file, ...rest)

  const program = ts.createProgram([...files.keys()], options, host)
  t.ok(written.length > 15)
  for (const [file, { name }] of files) {
    const errors = ts.getPreEmitDiagnostics(program, program.getSourceFile(file)).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
    t.strictSame(errors, [], name)
  }
})

t.test('each shell block has a valid syntax', async t => {
  for (const { name, code } of blocks.filter(({ language }) => language === 'sh')) {
    t.equal(spawnSync('bash', ['-n'], { input: code, encoding: 'utf8' }).stderr, '', name)
  }
})
