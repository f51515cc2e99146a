import sensible from '@fastify/sensible'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { interop, refused } from '../fixtures/interop.js'

const routes = (app: FastifyInstance) => {
  app.get('/', async () => 'ok')
  app.get('/thrown', async () => { throw app.httpErrors.conflict('It is taken') })
  app.get('/assert', async () => { app.assert(false, 404, 'There is none') })
}

t.test('@fastify/sensible', async t => {
  interop(t, { plugin: app => app.register(sensible), routes, orders: ['before'] }, async (t, { ask }) => {
    t.equal((await ask('/')).body, 'ok')
    refused(t, await ask('/thrown'), 400, 'It is taken')
    refused(t, await ask('/assert'), 404, 'There is none')
  })
})
