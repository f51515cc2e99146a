import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import ts from 'typescript'
import { openLossyProxy, type Fate } from '../bin/fixtures/lossy-proxy.js'
import { sqlite } from '../fixtures/database.js'
import { createService, writeKeysFile } from '../fixtures/service.js'
import { KEY } from '../fixtures/sign.js'

const root = join(import.meta.dirname, '..', '..')
const client = JSON.stringify(pathToFileURL(join(root, 'client', 'index.ts')).href)
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const [, imports, statements] = /settling the outcome:\n\n```ts\n([^]*?)\n\n([^]*?)```/.exec(readme)!

const dev = { id: 'dev', secret: 'of a test' }
const body = { name: 'orders', description: '', mediaType: 'text/plain' }

/** Runs the example. Each request has this fate in the network, except for requests for outcomes. */
async function runExample (t: Test, fate: Fate) {
  // Remove the delays between attempts.
  t.intercept(Math, 'random', { value: () => 0 })
  const app = await createService(t, { ...await sqlite.open(t), keysFile: writeKeysFile(t, [KEY, dev]) })
  const { url: baseUrl, fates, deliver } = await openLossyProxy(t, await app.listen({ host: '127.0.0.1', port: 0 }))
  fates.push(...Array<Fate>(10).fill(fate))

  const saved = new Set<string>()
  const savedBefore: number[] = []
  const outbox = {
    async save (key: string) { saved.add(key) },
    async remove (key: string) { saved.delete(key) },
    async list () {
      savedBefore.push(saved.size)
      fates.length = 0
      return [...saved]
    }
  }
  const printed: string[] = []
  const around = { baseUrl, secret: dev.secret, outbox, job: { id: 'job-1', body }, console: { log: (line: string) => printed.push(line) } }

  const source = `${imports!.replace("'fastify-reason-phrase/client'", client)}\nexport async function run ({ ${Object.keys(around).join(', ')} }: any) {\n${statements}}`
  const { outputText } = ts.transpileModule(source, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } })
  const file = join(t.testdirName, 'example.mjs')
  writeFileSync(file, outputText)
  const { run } = await import(pathToFileURL(file).href)
  await run(around)
  return { printed, savedBefore, left: [...saved], deliver, countTopics: async () => (await app.inject('/v2/topic')).json().items.length }
}

t.test('the example of the README settles an operation that has happened', async t => {
  t.equal(statements!.trimEnd().split('\n').filter(line => line !== '').length, 10)
  const { printed, savedBefore, left, countTopics } = await runExample(t, 'lost')
  t.strictSame(savedBefore, [1], 'the outcome is unknown')
  t.match(printed, [/^It has happened: EBT-[0-9a-f]{32}$/])
  t.strictSame([printed.length, left, await countTopics()], [1, [], 1])
})

t.test('the example of the README settles an operation that never happens', async t => {
  const { printed, savedBefore, left, deliver, countTopics } = await runExample(t, 'held')
  t.strictSame(savedBefore, [1], 'the outcome is unknown')
  t.strictSame(printed, ['It will never happen: The idempotency key was closed. The operation did not happen and never will'])
  t.equal(await deliver(), 422, 'the late request is rejected')
  t.strictSame([left, await countTopics()], [[], 0])
})

t.test('the example of the README settles nothing if the outcome is known', async t => {
  const { printed, savedBefore, left, countTopics } = await runExample(t, 'answered')
  t.strictSame([printed, savedBefore, left, await countTopics()], [[], [0], [], 1])
})
