import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import awsLambdaFastify from '@fastify/aws-lambda'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import reasonPhrase from '../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../plugins/reason-phrase/server-options.js'

interface Result {
  statusCode: number
  headers: Record<string, string>
  body?: string
  isBase64Encoded?: boolean
}

type Handler = (event: object, context: object) => Promise<Result>

/** Functions that return a request in the event format of each AWS service that can call a Lambda function. */
const events: Record<string, (method: string, path: string, body?: string) => object> = {
  'API Gateway, REST': (httpMethod, path, body = null as never) => ({ httpMethod, path, headers: { 'content-type': 'application/json' }, queryStringParameters: null, body, requestContext: {} }),
  'API Gateway, HTTP, and function URLs': (method, rawPath, body) => ({ version: '2.0', rawPath, headers: { 'content-type': 'application/json' }, body, requestContext: { http: { method } } }),
  'a load balancer': (httpMethod, path, body = '') => ({ httpMethod, path, headers: { 'content-type': 'application/json' }, queryStringParameters: {}, body, requestContext: { elb: { targetGroupArn: 'arn' } } })
}

async function service (t: Test): Promise<FastifyInstance> {
  const app = Fastify(serverOptions({ bodyLimit: 20 })) as unknown as FastifyInstance
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  app.get('/', async () => ({ ok: true }))
  app.get('/refused', (_request, reply) => reply.notFound('No topic EBT-1'))
  app.get('/unauthorized', (_request, reply) => reply.unauthorized())
  app.get('/broken', async () => { throw new Error('a secret') })
  app.get('/json', (_request, reply) => reply.code(409).send({ message: 'It is taken' }))
  app.get('/breaks-off', (_request, reply) => reply.send(Readable.from((async function * () {
    yield 'the first bytes'
    throw new Error('a secret')
  })())))
  app.post('/', async () => 'ok')
  return app
}

const refusals: Array<[method: string, path: string, body: string | undefined, statusCode: number, reason: string]> = [
  ['GET', '/refused', undefined, 404, 'No topic EBT-1'],
  ['GET', '/unauthorized', undefined, 401, 'Unauthorized'],
  ['GET', '/broken', undefined, 500, 'Internal Server Error'],
  ['GET', '/json', undefined, 400, 'It is taken'],
  ['GET', '/none', undefined, 404, 'Route GET:/none not found'],
  ['POST', '/', '{', 400, 'Body is not valid JSON but content-type is set to \'application/json\''],
  ['POST', '/', `"${'x'.repeat(30)}"`, 400, 'Request body is too large']
]

const FIELDS = ['connection', 'content-length', 'date', 'eb-reason-phrase']

for (const [name, event] of Object.entries(events)) {
  t.test(`@fastify/aws-lambda: sends the message in the header for an event of ${name}`, async t => {
    const handler = awsLambdaFastify(await service(t)) as unknown as Handler
    t.match(await handler(event('GET', '/'), {}), { statusCode: 200, body: '{"ok":true}', headers: { 'content-type': 'application/json; charset=utf-8' } })

    for (const [method, path, body, statusCode, reason] of refusals) {
      const result = await handler(event(method, path, body), {})
      // The message is sent only in the header, because the result has no statusDescription.
      t.strictSame(Object.keys(result).sort(), ['body', 'headers', 'isBase64Encoded', 'statusCode'])
      t.match(result, { statusCode, body: '', isBase64Encoded: false, headers: { 'content-length': '0', 'eb-reason-phrase': reason } })
      t.strictSame(Object.keys(result.headers).sort(), statusCode === 401 ? [...FIELDS, 'www-authenticate'] : FIELDS)
    }
  })
}

t.test('@fastify/aws-lambda: sends an error without a body with payloadAsStream', async t => {
  const handler = awsLambdaFastify(await service(t), { payloadAsStream: true }) as unknown as (event: object, context: object) => Promise<{ meta: Result, stream: Readable }>
  const { meta, stream } = await handler(events['API Gateway, REST']!('GET', '/refused'), {})
  t.match(meta, { statusCode: 404, headers: { 'content-length': '0', 'eb-reason-phrase': 'No topic EBT-1' } })
  t.equal(await text(stream), '')
})

t.test('@fastify/aws-lambda: sends 500 without header fields for a truncated response, and a wrapper can add them and statusDescription', async t => {
  const answer = awsLambdaFastify(await service(t)) as unknown as Handler
  const event = events['a load balancer']!
  t.capture(console, 'error')

  // A response that @fastify/aws-lambda creates itself has no header fields.
  t.strictSame(await answer(event('GET', '/breaks-off'), {}), { statusCode: 500, body: '', headers: {} })

  const handler = async (...given: Parameters<Handler>) => {
    const result = await answer(...given)
    if (result.statusCode < 400) return result
    const reason = result.headers['eb-reason-phrase'] ?? 'Internal Server Error'
    return { ...result, headers: { ...result.headers, 'eb-reason-phrase': reason }, statusDescription: `${result.statusCode} ${reason.slice(0, 128).trimEnd()}` }
  }
  t.match(await handler(event('GET', '/breaks-off'), {}), { statusCode: 500, body: '', headers: { 'eb-reason-phrase': 'Internal Server Error' }, statusDescription: '500 Internal Server Error' })
  t.match(await handler(event('GET', '/refused'), {}), { statusCode: 404, body: '', headers: { 'eb-reason-phrase': 'No topic EBT-1' }, statusDescription: '404 No topic EBT-1' })
  t.match(await handler(event('GET', '/'), {}), { statusCode: 200, body: '{"ok":true}' })
})
