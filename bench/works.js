// What is measured: each work with its variants, and the ratios that it must keep.
import { startTime } from './boot.js'
import { requests, TSX, YOUNG } from './processes.js'
import { EXPRESS, FLOOR, FULL, NODE, REGISTERED, SENSIBLE, SERVERS, STOCK } from './variants.js'

const CONNECTIONS = 50

/**
 * A work of requests, each variant a server.
 *
 * @param request what is asked of every server, and the status that it must answer
 * @param amount the requests of a slice
 * @param statuses by variant, where another status is its answer
 */
export function serving ({ id, title, request, statuses = {}, servers = SERVERS, variants = Object.keys(servers), amount = 5000, warmUp = 5 * amount, connections = CONNECTIONS, ...work }) {
  return {
    id,
    title,
    variants,
    unit: 'µs CPU a request',
    ...work,
    async open (variant, { share, start }) {
      const { port, topic, ask, end } = await start(servers[variant])
      const asked = { port, connections, request: { ...request, path: request.path.replace('{topic}', topic), status: statuses[variant] ?? request.status } }
      // Until it is warm, V8 still compiles.
      await requests({ ...asked, amount: Math.ceil(warmUp * share) })
      return {
        async measure () {
          const before = await ask('usage')
          const marks = []
          const { answered, throughput, p99 } = await requests({ ...asked, amount: Math.ceil(amount * share) }, async () => { marks.push(await ask('usage')) })
          const after = await ask('usage')
          // Without the opening and closing of connections, unless the server closes them.
          const [begin, end] = marks.length === 2 && marks[0].sent < marks[1].sent ? marks : [before, after]
          const each = (after.sent - before.sent) / answered
          return { cpu: (end.cpu - begin.cpu) / (end.sent - begin.sent) * each, throughput, p99 }
        },
        end
      }
    }
  }
}

/** How the cost of an error grows: the variants are paths of one server, the first the baseline. */
function growing ({ id, title, paths, headlines, amount = 2500, connections = () => CONNECTIONS }) {
  const variants = Object.keys(paths)
  return {
    id,
    title,
    variants,
    baseline: variants[0],
    headlines,
    unit: 'µs CPU a request',
    async open (variant, how) {
      return await serving({
        request: { path: paths[variant], status: 422 },
        servers: { [variant]: { server: 'growth' } },
        amount,
        connections: connections(variant)
      }).open(variant, how)
    }
  }
}

const errors = [
  { id: 'error-422', title: 'An error by reply decorator, 422', path: '/refused', status: 422 },
  { id: 'thrown-422', title: 'A thrown error, 422', path: '/thrown', status: 422 },
  { id: 'thrown-500', title: 'A thrown error, 500', path: '/failed', status: 500 }
].map(({ id, title, path, status }) => serving({
  id,
  title,
  request: { path, status },
  baseline: FLOOR,
  headlines: {
    'error-422': [
      { of: FULL, to: FLOOR, most: 1.05 },
      { of: FULL, to: NODE, most: 1.2 },
      { of: FULL, to: STOCK, most: 0.9 },
      { of: FULL, to: SENSIBLE, most: 0.4 },
      { of: FULL, to: EXPRESS, most: 0.25 }
    ],
    'thrown-422': [{ of: FULL, to: STOCK, most: 1 }]
  }[id]
}))

const others = [
  { id: 'no-route', title: 'No route, 404', request: { path: '/none', status: 404 }, variants: [FULL, REGISTERED, STOCK, EXPRESS] },
  { id: 'validation', title: 'A validation error, 400', request: { method: 'POST', path: '/named', json: { id: 7 }, status: 400 }, variants: [FULL, REGISTERED, STOCK] },
  { id: 'bad-url', title: 'A bad URL, 400', request: { path: '/%zz', status: 400 }, variants: [FULL, REGISTERED, STOCK, EXPRESS], statuses: { [EXPRESS]: 404 } },
  { id: 'malformed', title: 'A malformed request, 400, and the connection closed', request: { path: '/small', headers: { 'bad name': 'x' }, status: 400 }, variants: [FULL, STOCK], amount: 3000, connections: 10 }
].map(work => serving({ baseline: STOCK, ...work }))

const successes = [
  { id: 'success-100b', title: '200 with a schema, 100 bytes', path: '/small' },
  { id: 'success-10kb', title: '200 with a schema, 10 KB', path: '/large', amount: 3000 },
  { id: 'success-stream', title: '200 with a stream, 64 KB', path: '/stream', amount: 2000 }
].map(({ id, title, path, amount }) => serving({
  id,
  title,
  request: { path, status: 200 },
  amount,
  variants: [FULL, REGISTERED, STOCK, NODE],
  baseline: STOCK,
  headlines: [{ of: FULL, to: STOCK, most: 1.02 }, { of: REGISTERED, to: STOCK, most: 1.02 }]
}))

const VERIFIED = { 'no signature': 'nobody', 'this plugin': 'plugin', 'http-message-signatures by hand': 'hand' }

const signatures = [
  { id: 'signature', title: 'A verified signature', request: { path: '/signed' } },
  { id: 'signature-1kb', title: 'A verified signature, with a body of 1 KB', request: { method: 'POST', path: '/signed', bytes: 1000 } },
  { id: 'signature-1mb', title: 'A verified signature, with a body of 1 MB', request: { method: 'POST', path: '/signed', bytes: 1_000_000 }, amount: 80, warmUp: 640, connections: 4 }
].map(({ request, ...work }) => serving({
  amount: 2500,
  ...work,
  request: { ...request, signed: true, status: 200 },
  servers: Object.fromEntries(Object.entries(VERIFIED).map(([name, verified]) => [name, { server: 'signature', options: { verified } }])),
  baseline: 'no signature'
}))

const flags = [...YOUNG, ...TSX]

const DATABASES = {
  SQLite: { server: 'service', options: { database: 'sqlite' }, flags },
  ...(process.env.TEST_DATABASE_URL && { PostgreSQL: { server: 'service', options: { database: 'postgres' }, flags } })
}

const service = [
  { id: 'service-201', title: 'The service: 201 for a topic', request: { path: '/v2/topic', json: { name: '{unique}', description: '', mediaType: 'application/json' }, status: 201 } },
  { id: 'service-202', title: 'The service: 202 for a message', request: { path: '/v2/topic/{topic}/message', json: { body: { order: 1 } }, status: 202 } }
].map(({ request, ...work }) => serving({
  ...work,
  request: { method: 'POST', signed: true, ...request },
  servers: DATABASES,
  amount: 400,
  warmUp: 3200
}))

const growth = [
  growing({
    id: 'message-ascii',
    title: 'The length of an ASCII message',
    paths: Object.fromEntries(['1 KB', '1 B', '100 B', '100 KB', '10 MB'].map(name => [name, `/message/ascii/${bytesOf(name)}`])),
    headlines: [{ of: '10 MB', to: '1 KB', most: 1.2 }]
  }),
  growing({
    id: 'message-not-ascii',
    title: 'The length of a message that is not ASCII',
    paths: Object.fromEntries(['1 KB', '2 B', '100 B', '100 KB', '10 MB'].map(name => [name, `/message/other/${bytesOf(name)}`]))
  }),
  growing({ id: 'headers', title: 'Headers that are set already', paths: { 0: '/headers/0', 10: '/headers/10', 100: '/headers/100' } }),
  growing({ id: 'dropped-body', title: 'The size of a dropped JSON body', paths: Object.fromEntries(['100 B', '10 KB', '1 MB'].map(name => [name, `/body/${bytesOf(name)}`])) }),
  growing({ id: 'dropped-stream', title: 'The size of a dropped stream', paths: Object.fromEntries(['100 B', '10 KB', '1 MB'].map(name => [name, `/stream/${bytesOf(name)}`])) }),
  growing({ id: 'connections', title: 'The number of connections', paths: { 1: '/refused', 10: '/refused', 100: '/refused', 1000: '/refused' }, amount: 10_000, connections: Number })
]

function bytesOf (name) {
  const [count, unit] = name.split(' ')
  return count * { B: 1, KB: 1e3, MB: 1e6 }[unit]
}

const starts = [1, 1000, 10_000].map(count => ({
  id: `start-${count}`,
  title: `app.ready() with ${count} route${count > 1 ? 's' : ''}`,
  variants: ['this plugin', STOCK],
  baseline: STOCK,
  headlines: count === 10_000 ? [{ of: 'this plugin', to: STOCK, most: 1.05 }] : [],
  unit: 'µs CPU',
  // Each is a process.
  slices: 1,
  open: (variant, { share }) => ({
    measure: () => ({ cpu: startTime(variant === STOCK ? 'without' : 'with', Math.ceil(count * share)) }),
    end () {}
  })
}))

export const works = [...errors, ...others, ...successes, ...signatures, ...service, ...growth, ...starts]
