import cors from '@fastify/cors'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import t from 'tap'
import reasonPhrase, { serverOptions } from '../../../index.js'
import { logTo } from '../../fixtures/log.js'

const handler = async (): Promise<string> => 'done'

const LATE = 'fastify-reason-phrase: these routes were added before the plugin, so it does not check their schemas and config, and may not cover their errors: '
const FIX = '. Register fastify-reason-phrase before them'

/** Starts a service. Returns the messages of its warnings. */
async function getWarnings (add: (app: FastifyInstance) => Promise<void>, complete = (options: FastifyServerOptions): FastifyServerOptions => serverOptions(options)): Promise<string[]> {
  const lines: any[] = []
  const app: FastifyInstance = Fastify(complete({ logger: logTo(lines) }))
  await add(app)
  await app.ready()
  await app.close()
  return lines.filter(({ level }) => level === 40).map(({ msg }) => msg)
}

const plain = (options: FastifyServerOptions): FastifyServerOptions => options

t.test('warns about the routes that were added before the plugin', async t => {
  t.strictSame(await getWarnings(async app => {
    app.get('/topic', handler)
    app.route({ method: ['PUT', 'POST'], url: '/topic/:id?', handler })
    await app.register(async child => { child.get('/files/*', handler) }, { prefix: '/v2' })
    app.get('/exempt', { config: { reasonPhrase: false } }, handler)
    await app.register(reasonPhrase)
    app.get('/after', handler)
  }), [`${LATE}GET /topic; PUT, POST /topic/:id?; GET /v2/files/*${FIX}`])
})

t.test('names the first ten of many routes that were added before the plugin', async t => {
  const [warning] = await getWarnings(async app => {
    for (const letter of 'abcdefghijkl') app.get(`/${letter}`, handler)
    await app.register(reasonPhrase)
  })
  t.equal(warning, `${LATE}${[...'abcdefghij'].map(letter => `GET /${letter}`).join('; ')}; and 2 more${FIX}`)
})

t.test('warns about the earlier routes of a child context, but not about the routes outside of it', async t => {
  t.strictSame(await getWarnings(async app => {
    app.get('/root', handler)
    await app.register(async child => {
      child.get('/before', handler)
      await child.register(reasonPhrase)
      child.get('/after', handler)
    }, { prefix: '/child' })
  }), [`${LATE}GET /child/before${FIX}`])
})

t.test('does not warn if no route was added before, or at a second registration', async t => {
  t.strictSame(await getWarnings(async app => {
    await app.register(cors)
    await app.register(reasonPhrase)
    app.get('/topic', handler)
    await app.register(reasonPhrase)
  }), [], 'the routes for OPTIONS and HEAD do not count')
  t.strictSame(await getWarnings(async app => {
    await app.register(async child => {
      await child.register(reasonPhrase)
      child.get('/child', handler)
    })
    await app.register(reasonPhrase)
  }), [], 'the routes of a child context that has the plugin already do not count')
})

t.test('shows the missing call of serverOptions()', async t => {
  const message = 'fastify-reason-phrase: this server was created without serverOptions(), so malformed requests and bad URLs are not covered by the contract. Write: const app = Fastify(serverOptions('
  t.strictSame(await getWarnings(async app => { await app.register(reasonPhrase) }, plain), [`${message}options))`])
  t.strictSame(await getWarnings(async app => {
    await app.register(reasonPhrase, { challenge: 'Bearer', statusCodes: { 429: 'Too Many Requests' }, requireSchemas: true })
  }, plain), [`${message}options, { statusCodes, challenge }))`], 'with the options that the contract has')
})

t.test('names the routes that keep JSON bodies if a child context is registered without serverOptions()', async t => {
  const register = (options: object) => async (app: FastifyInstance): Promise<void> => {
    app.get('/topic', handler)
    await app.register(async child => {
      await child.register(reasonPhrase, options)
      child.get('/child', handler)
      await child.register(async grandchild => { grandchild.get('/grandchild', handler) })
    })
    await app.register(async sibling => { sibling.post('/sibling', handler) })
    await app.register(async other => {
      await other.register(reasonPhrase)
      other.get('/other', handler)
    })
  }
  t.strictSame(await getWarnings(register({ header: 'X-Reason' }), plain), [
    'fastify-reason-phrase: this server was created without serverOptions(), so malformed requests are not covered by the contract, and because the plugin is registered in a child context, ' +
    'neither are unknown paths and the routes outside of it, whose errors keep their JSON bodies: GET /topic; POST /sibling. Write: const app = Fastify(serverOptions(options, { header }))'
  ])
  t.strictSame(await getWarnings(register({})), [])
  t.strictSame(await getWarnings(async app => { await app.register(async child => { await child.register(reasonPhrase) }) }, plain), [
    'fastify-reason-phrase: this server was created without serverOptions(), so malformed requests are not covered by the contract, and because the plugin is registered in a child context, ' +
    'neither are unknown paths. Write: const app = Fastify(serverOptions(options))'
  ])
})
