import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import ts from 'typescript'
import { resolveOptions } from '../../lib/idempotency/options.js'
import { REFUSALS } from '../../lib/idempotency/refusals.js'
import { ignoreTermination, postgresql } from '../fixtures/database.js'
import { TestStore } from '../fixtures/keyed-service.js'

const root = join(import.meta.dirname, '..', '..')
const page = readFileSync(join(root, 'docs', 'idempotency.md'), 'utf8')

/** Returns the rows of the table after a text, as lists of cells. */
function rowsAfter (text: string): string[][] {
  const [, ...lines] = page.slice(page.indexOf(text)).split('\n')
  const start = lines.findIndex(line => line.startsWith('|'))
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'))
  return lines.slice(start + 2, end).map(line => line.split('|').slice(1, -1).map(cell => cell.trim()))
}

t.test('docs/idempotency.md lists each rejection, with its status code and its fields', async t => {
  const rows = rowsAfter('## Responses')
  const { nothingKnown, ...refusals } = REFUSALS
  for (const { statusCode, reason, retryAfter, idempotencyStatus } of Object.values(refusals)) {
    const [, status, fields] = rows.find(row => row[3] === reason) ?? []
    t.equal(status, String(statusCode), reason)
    t.equal(fields, [
      idempotencyStatus && `\`Idempotency-Status: ${idempotencyStatus}\``,
      retryAfter && `\`Retry-After: ${retryAfter}\``
    ].filter(Boolean).join(', '), reason)
  }
  t.match(page, nothingKnown.reason)
})

t.test('docs/idempotency.md lists each option with its default', async t => {
  const { headers, ...settings } = resolveOptions({ store: new TestStore() })
  const rows = rowsAfter('## Options')
  t.strictSame(rows.map(([name]) => name), [...Object.keys(settings).slice(0, 3), 'headers', ...Object.keys(settings).slice(3)].map(name => `\`${name}\``))
  for (const [name, value] of rows) {
    const expected = settings[name!.slice(1, -1) as keyof typeof settings]
    if (typeof expected === 'number') t.equal(value, `\`${expected}\``, name)
  }
  const [, , meaning] = rows.find(([name]) => name === '`headers`')!
  for (const header of headers) t.match(meaning, `\`${header}\``)
})

/** Starts the service in a TypeScript block. Returns its URL, and the token of a caller. */
async function start (t: Test, code: string): Promise<{ url: string, token: string }> {
  const { databaseUrl } = await postgresql.open(t)
  Object.assign(process.env, { DATABASE_URL: databaseUrl, JWT_SECRET: 'of a test' })
  const source = code
    .replace('logger: true', 'logger: false')
    .replace('port: 3000', 'port: 0')
    .replaceAll(/'fastify-reason-phrase(\/(\w+))?'/g, (_match, path, entry) => JSON.stringify(pathToFileURL(join(root, path === undefined ? 'index.ts' : `plugins/${entry}/index.ts`)).href))
  const { outputText } = ts.transpileModule(`${source}\nexport { app, pool }`, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } })
  const file = join(t.testdir(), 'example.mjs')
  writeFileSync(file, outputText)
  const { app, pool } = await import(pathToFileURL(file).href)
  ignoreTermination(pool)
  t.teardown(() => app.close())
  return { url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`, token: app.jwt.sign({ sub: 'alice' }) }
}

t.test('the commands in docs/idempotency.md get the responses that the page shows', { skip: postgresql.skip }, async t => {
  const [, code] = /\n## Example\n[^]*?```ts\n([^]*?)```/.exec(page)!
  const { url, token } = await start(t, code!)
  const normalize = (text: string): string => text.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'a time')

  const exchanges = Array.from(page.matchAll(/```sh\n(curl [^\n]*)\n```\n\n```\n([^]*?)```/g), ([, command, response]) => ({ command: command!, response: response! }))
  t.equal(exchanges.length, (page.match(/^curl /gm) ?? []).length)
  t.ok(exchanges.length > 3)
  for (const { command, response } of exchanges) {
    const { stdout } = await promisify(execFile)('bash', ['-c', command.replace('curl', 'curl -s').replace('http://127.0.0.1:3000', url)], { env: { ...process.env, TOKEN: token } })
    const lines = normalize(stdout).split(/\r?\n/)
    for (const line of normalize(response).trim().split('\n')) t.ok(line === '' || lines.includes(line), `${command}: ${line}`, { stdout })
  }
})
