import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import t from 'tap'
import validation from '../../../plugins/app/validation.js'

const Things = Type.Object({
  count: Type.Optional(Type.Integer({ maximum: 10 })),
  flag: Type.Optional(Type.Boolean()),
  at: Type.Optional(Type.String({ format: 'date-time' })),
  size: Type.Integer({ default: 3 })
}, { additionalProperties: false })

t.test('the validation plugin', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(validation)
  app.get('/', { schema: { querystring: Things } }, async request => request.query)
  app.post('/', { schema: { body: Things } }, async request => request.body)
  app.get('/:count', { schema: { params: Type.Pick(Things, ['count']) } }, async request => request.params)
  await app.ready()

  const query = (query: string) => app.inject(`/?${query}`)
  const body = (payload: object) => app.inject({ method: 'POST', url: '/', payload })
  const refused = async (response: ReturnType<typeof query>, message: string) => {
    const { statusCode, json } = await response
    t.equal(statusCode, 400)
    t.equal(json().message, message)
  }

  t.test('coerces the types of a query and of parameters', async t => {
    t.same((await query('count=7&flag=true')).json(), { count: 7, flag: true, size: 3 })
    t.same((await app.inject('/7')).json(), { count: 7 })
    await refused(query('count=x'), 'querystring/count must be integer')
    await refused(app.inject('/x'), 'params/count must be integer')
  })

  t.test('does not coerce the types of a body', async t => {
    t.same((await body({ count: 7, flag: true })).json(), { count: 7, flag: true, size: 3 })
    await refused(body({ count: '7' }), 'body/count must be integer')
    await refused(body({ flag: 'true' }), 'body/flag must be boolean')
    await refused(body({ count: null }), 'body/count must be integer')
  })

  t.test('rejects an unknown property, and names it', async () => {
    await refused(query('colour=red'), 'querystring has an unknown property: colour')
    await refused(body({ colour: 'red' }), 'body has an unknown property: colour')
    await refused(query('a%0D%0Ab=red'), 'querystring has an unknown property: a\\r\\nb')
    await refused(body({ 'a\u001b[2J\nb': 'red' }), 'body has an unknown property: a\\u001b[2J\\nb')
  })

  t.test('rejects infinite numbers', async () => {
    await refused(query('count=Infinity'), 'querystring/count must be <= 10')
  })

  t.test('accepts a date-time only if it has a UTC form with a year of four digits', async t => {
    for (const at of ['2025-01-01T00:00:00Z', '2025-01-01T00:00:00.123456+02:00', '2024-02-29T23:59:59.999-05:30', '9999-12-31T23:59:59.999Z']) {
      t.same((await body({ at })).json(), { at, size: 3 })
    }
    for (const at of ['2025-01-01', '2025-02-29T00:00:00Z', '2025-01-01T00:00:00', '2016-12-31T23:59:60Z', '2025-01-01T00:00:00+02', '9999-12-31T23:59:59-01:00', '0000-01-01T00:00:00+01:00']) {
      await refused(body({ at }), 'body/at must match format "date-time"')
    }
  })
})
