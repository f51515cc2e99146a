import type { FastifyContextConfig, RouteOptions } from 'fastify'
import t from 'tap'
import signature from '../../../plugins/signature/index.js'
import { createOutcomeConfig } from '../../../plugins/reason-phrase/idempotent-routes.js'
import { documentOf, handler } from '../../fixtures/openapi.js'

t.test('adds the security scheme and the permissions of signed requests', async t => {
  const document = await documentOf(t, app => {
    app.register(signature, { keys: () => undefined })
    app.get('/any', handler)
    app.get('/read', { config: { permission: 'read' } }, handler)
    app.get('/open', { config: { signature: false } }, handler)
    app.get('/own', { schema: { security: [{ own: [] }] } }, handler)
  }, { document: { components: { securitySchemes: { own: { type: 'http', scheme: 'basic' } } } } })
  t.strictSame(Object.keys(document.components.securitySchemes), ['signature', 'own'])
  const operation = (path: string) => document.paths[path].get
  t.strictSame(operation('/any').security, [{ signature: [] }])
  t.strictSame(operation('/read').security, [{ signature: ['read'] }])
  t.strictSame(operation('/open').security, [])
  t.strictSame(operation('/own').security, [{ own: [] }])
  for (const [path, statusCodes] of [['/any', ['401', '403', '500', '503']], ['/open', ['500', '503']]] as const) {
    t.strictSame(Object.keys(operation(path).responses).filter(code => code >= '400'), statusCodes)
  }
})

t.test('adds the permissions of all idempotent routes to an outcome route, as alternatives', async t => {
  const securityOf = async (...configs: FastifyContextConfig[]) => {
    const { paths } = await documentOf(t, app => {
      app.register(signature, { keys: () => undefined })
      app.get('/operation/*', { schema: { params: { type: 'object', properties: { '*': { type: 'string' } } } }, config: createOutcomeConfig({}, configs.map(config => ({ config }) as RouteOptions)) }, handler)
    })
    return paths['/operation/{key}'].get.security
  }
  t.strictSame(await securityOf({ permission: 'read' }, { permission: 'write' }), [{ signature: ['read'] }, { signature: ['write'] }])
  t.strictSame(await securityOf({ permission: 'read' }, {}), [{ signature: [] }])
  t.strictSame(await securityOf({ signature: false }), [])
})
