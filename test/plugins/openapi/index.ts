import Fastify from 'fastify'
import t from 'tap'
import { openapi } from '../../../plugins/openapi/index.js'
import { documentOf, handler } from '../../fixtures/openapi.js'

t.test('openapi() throws if the plugin is not registered', async t => {
  t.throws(() => openapi(Fastify()), { message: 'fastify-reason-phrase: the plugin is not registered. Write app.register(reasonPhrase) before openapi(app)' })
})

t.test('leaves hidden routes out of the document', async t => {
  const { paths } = await documentOf(t, app => {
    app.get('/shown', handler)
    app.get('/hidden', { schema: { hide: true } }, handler)
    app.get('/tagged', { schema: { tags: ['X-HIDDEN'] } }, handler)
  })
  t.strictSame(Object.keys(paths), ['/shown'])
  t.strictSame(Object.keys(paths['/shown']), ['get'])
})
