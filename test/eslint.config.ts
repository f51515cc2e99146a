import { join } from 'node:path'
import { ESLint } from 'eslint'
import t from 'tap'

const eslint = new ESLint({ cwd: join(import.meta.dirname, '..') })

/** Returns whether ESLint reports that this code, in this file, crosses an import boundary. */
async function isReported (filePath: string, code: string): Promise<boolean> {
  const [{ messages }] = await eslint.lintText(code, { filePath })
  for (const { fatal, message } of messages) if (fatal) throw new Error(message)
  return messages.some(({ ruleId }) => ruleId === 'no-restricted-imports' || ruleId === 'no-restricted-syntax')
}

interface Boundary {
  forbidden: string[]
  allowed: string[]
}

const boundaries: Record<string, Boundary> = {
  'lib/any.ts': {
    forbidden: ['fastify', 'fastify-plugin', '@fastify/error', '../index.js', '../plugins/reason-phrase/index.js', '../plugins/app/keys/index.js', '../client/index.js', '../conformance/rules.js', '../bin/run.js', '../app.js', '../schemas/topic.js', '../test/fixtures/wire.js', '../fuzz/random.js'],
    allowed: ['node:http', 'any-ascii', './contract.js', './client-error.js', './response/response.js']
  },
  'lib/response/any.ts': {
    forbidden: ['fastify', '../../index.js', '../../plugins/signature/index.js', '../../routes/health/index.js', '../../bench/load.js'],
    allowed: ['./state.js', '../contract.js', '../signature/fields.js']
  },
  'client/any.ts': {
    forbidden: ['fastify', '../index.js', '../conformance/rules.js', '../plugins/signature/index.js', '../plugins/app/topics/index.js', '../schemas/topic.js', '../scripts/clients.js'],
    allowed: ['./signer.js', '../lib/signature/signature-base.js']
  },
  'page/any.ts': {
    forbidden: ['fastify', '@fastify/swagger-ui', '../index.js', '../plugins/openapi/index.js', '../schemas/topic.js', '../scripts/page/create-script.js'],
    allowed: ['./plugin.js', '../client/signer.js', '../lib/signature/signature-base.js']
  },
  'conformance/any.ts': {
    forbidden: ['../plugins/reason-phrase/index.js', '../bin/run.js', '../app.js', '../routes/health/index.js', '../test/fixtures/wire.js'],
    allowed: ['fastify', './routes.js', './schema.js', '../client/signer.js', '../lib/contract.js']
  },
  'conformance/probes/any.ts': {
    forbidden: ['../../plugins/openapi/index.js', '../../server.js'],
    allowed: ['fastify', '../request.js', './routes.js', '../../lib/status-codes.js']
  },
  'plugins/signature/any.ts': {
    forbidden: ['../app/keys/index.js', '../../plugins/app/keys/index.js', '../../app.js', '../../schemas/key.js', '../../migrations/index.js', '../../routes/health/index.js', '../../index.js', '../../client/index.js', '../../conformance/index.js', '../../bin/run.js', '../../test/fixtures/sign.js'],
    allowed: ['fastify', 'fastify-plugin', './content.js', '../reason-phrase/permissions.js', '../../lib/contract.js']
  },
  'bin/any.ts': {
    forbidden: ['../app.js', '../server.js', '../plugins/app/keys/index.js', '../schemas/key.js', '../scripts/exported.js'],
    allowed: ['./run.js', '../client/index.js', '../conformance/plan.js', '../lib/contract.js']
  },
  'index.ts': {
    forbidden: ['./app.js', './server.js', './plugins/app/docs.js', './routes/health/index.js', './test/app.js', './bench/load.js'],
    allowed: ['./plugins/reason-phrase/index.js', './lib/contract.js']
  },
  'schemas/any.ts': {
    forbidden: ['../plugins/app/messages/body.js', '../routes/health/index.js', '../migrations/index.js', '../lib/media-type.js', '../index.js', '../app.js'],
    allowed: ['@sinclair/typebox', './page.js']
  },
  'migrations/any.ts': {
    forbidden: ['../plugins/app/database/index.js', '../schemas/topic.js', '../app.js', '../test/fixtures/database.js'],
    allowed: ['kysely', './index.js']
  },
  'plugins/app/any.ts': {
    forbidden: ['../../app.js', '../../server.js', '../../routes/health/index.js', '../reason-phrase/index.js', '../signature/content.js', '../idempotency/stores/kysely.js', '../../conformance/rules.js', '../../bin/run.js', '../../test/fixtures/keys.js'],
    allowed: ['fastify', './maintenance.js', './database/index.js', '../../index.js', '../signature/index.js', '../maintenance/index.js', '../openapi/index.js', '../idempotency/index.js', '../../client/index.js', '../../lib/control-characters.js', '../../schemas/topic.js', '../../migrations/migrate.js']
  },
  'plugins/app/topics/any.ts': {
    forbidden: ['../../../routes/health/index.js', '../../../plugins/reason-phrase/decorators.js', '../../maintenance/state.js', '../../idempotency/execution.js'],
    allowed: ['./media-type.js', '../database/ids.js', '../../signature/index.js', '../../../lib/control-characters.js', '../../../schemas/topic.js']
  },
  'routes/v2/any/index.ts': {
    forbidden: ['../../../app.js', '../../../server.js', '../../../migrations/index.js', '../../../plugins/reason-phrase/decorators.js', '../../../client/signer.js', '../../../fuzz/random.js'],
    allowed: ['../../../schemas/topic.js', '../../../plugins/app/topics/media-type.js', '../../../lib/control-characters.js', '../../../plugins/signature/index.js']
  },
  'app.ts': {
    forbidden: ['./server.js', './plugins/reason-phrase/index.js', './plugins/signature/content.js', './test/app.js'],
    allowed: ['./index.js', './plugins/app/maintenance.js', './plugins/app/keys/index.js', './plugins/maintenance/index.js']
  },
  'server.ts': {
    forbidden: ['./plugins/reason-phrase/server-options.js', './client/signer.js', './scripts/exported.js'],
    allowed: ['./app.js', './index.js', './plugins/app/keys/file.js']
  },
  'examples/any/server.js': {
    forbidden: ['../../index.js', '../../client/index.js', '../minimal/server.js'],
    allowed: ['fastify', 'fastify-reason-phrase', 'fastify-reason-phrase/client', './app.js']
  },
  'test/any.ts': {
    forbidden: [],
    allowed: ['../app.js', '../lib/contract.js', '../plugins/reason-phrase/decorators.js', '../fuzz/random.js', './fixtures/wire.js']
  }
}

for (const [file, { forbidden, allowed }] of Object.entries(boundaries)) {
  t.test(`reports forbidden imports in ${file}`, async t => {
    for (const specifier of forbidden) t.ok(await isReported(file, `import '${specifier}'\n`), `reports ${specifier}`)
    for (const specifier of allowed) t.notOk(await isReported(file, `import '${specifier}'\n`), `allows ${specifier}`)
  })
}

t.test('reports forbidden imports of types, and forbidden exports', async t => {
  t.ok(await isReported('lib/any.ts', "import type { FastifyReply } from 'fastify'\n\nexport type Reply = FastifyReply\n"))
  t.ok(await isReported('lib/any.ts', "export * from '../client/index.js'\n"))
  t.ok(await isReported('lib/any.ts', "export { signer } from '../client/signer.js'\n"))
})

t.test('reports forbidden relative imports that no-restricted-imports does not find', async t => {
  for (const file of ['lib/any.ts', 'plugins/signature/any.ts', 'routes/v2/any/index.ts']) {
    t.ok(await isReported(file, "export const load = () => import('../../app.js')\n"))
    t.ok(await isReported(file, "export type App = typeof import('../../app.js')\n"))
  }
  t.notOk(await isReported('server.ts', "export const load = () => import('pino-pretty')\n"))
  t.notOk(await isReported('test/any.ts', "export const load = () => import('../app.js')\n"))
})
