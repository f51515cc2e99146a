// Writes the screenshots in docs/: Chromium shows the Swagger UI page of the example service.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'
import type { Locator } from 'playwright-core'
import service from '../../app.js'
import { serverOptions } from '../../index.js'
import { Permission } from '../../schemas/key.js'
import { listen, open, SwaggerPage } from '../../test/fixtures/browser.js'

const KEY = { id: 'dev', secret: 'the secret of the screenshots' }
const docs = join(import.meta.dirname, '..', '..', 'docs')
mkdirSync(join(docs, 'swagger-ui'), { recursive: true })
const folder = mkdtempSync(join(tmpdir(), 'screenshots-'))
const ends: Array<() => unknown> = [() => rmSync(folder, { recursive: true })]
const scope = { teardown: (end: () => unknown) => { ends.unshift(end) } }

async function save (locator: Locator, file: string): Promise<void> {
  await locator.page().mouse.move(0, 0)
  await locator.screenshot({ path: join(docs, file), animations: 'disabled', caret: 'hide' })
  console.log(`docs/${file}`)
}

try {
  const keysFile = join(folder, 'keys.json')
  writeFileSync(keysFile, JSON.stringify([{ ...KEY, permissions: Permission.anyOf.map(({ const: permission }) => permission) }]))
  const app = Fastify(serverOptions({ pluginTimeout: 120_000 }, { requestId: true }))
  await app.register(service, { databaseFile: join(folder, 'topics.db'), keysFile })
  const origin = await listen(scope, app)
  const ui = new SwaggerPage(await open(scope, { viewport: { width: 1000, height: 1000 } }))
  await ui.goto(`${origin}/docs`)

  const find = ui.block('get', '/v2/topic/{topicId}')
  await ui.unfold(find)
  await find.locator('.opblock-summary-control').blur()
  await save(find, 'openapi.png')

  const form = await ui.openForm()
  await ui.fillKey(form, KEY)
  await save(ui.page.locator('.dialog-ux .modal-ux'), 'swagger-ui/authorize.png')
  await ui.apply(form)
  await ui.close(form)

  const create = ui.block('post', '/v2/topic')
  const send = async (mediaType: string): Promise<void> => {
    const topic = { name: 'orders.created', description: 'An order was placed and paid', mediaType }
    await ui.send(create, () => create.locator('textarea').fill(JSON.stringify(topic, null, 2)))
  }
  const answer = create.locator('.responses-inner > div > div').first()
  await send('application/json')
  await save(answer, 'swagger-ui/created.png')
  await send('json')
  await save(answer, 'swagger-ui/rejected.png')
} finally {
  for (const end of ends) await end()
}
