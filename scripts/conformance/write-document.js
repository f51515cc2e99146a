// Writes docs/conformance.md: which probes find a violation of the contract, for
// a service on this plugin and for servers without it.
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import sensible from '@fastify/sensible'
import express from 'express'
import Fastify from 'fastify'
import { LINGER_MS, MAX_EXCHANGE_BYTES } from '../../conformance/exchange/exchange.ts'
import { detectProtocols } from '../../conformance/exchange/protocols.ts'
import { MAX_INTERIM_RESPONSES } from '../../conformance/exchange/response-reader.ts'
import { IDEMPOTENCY_RULES } from '../../conformance/idempotency-rules.ts'
import { createIdempotencyProbes } from '../../conformance/probes/idempotency.ts'
import { probes } from '../../conformance/probes/index.ts'
import { selectProbes } from '../../conformance/probes/select.ts'
import { runProbes } from '../../conformance/run-probes.ts'
import reasonPhrase, { serverOptions } from '../../index.ts'
import { Contract } from '../../lib/contract.ts'
import { KEYED_SERVERS, keyedOptions } from './keyed-servers.js'

const require = createRequire(import.meta.url)
const version = name => require(`${name}/package.json`).version

const requests = [{ url: '/' }, { method: 'POST', url: '/things', body: { name: 'a' } }]

/** Each starts the same service: GET / and POST /things, and a 404 for everything else. */
const SERVERS = {
  'fastify-reason-phrase': async () => {
    const app = Fastify(serverOptions())
    await app.register(reasonPhrase)
    return await listenFastify(app, (_request, reply) => reply.badRequest('A thing has a name'))
  },
  [`Fastify ${version('fastify')}`]: () => listenFastify(Fastify(), (_request, reply) => reply.code(400).send({ message: 'A thing has a name' })),
  [`@fastify/sensible ${version('@fastify/sensible')}`]: async () => {
    const app = Fastify()
    await app.register(sensible)
    app.setNotFoundHandler((_request, reply) => reply.notFound('No such thing'))
    return await listenFastify(app, (_request, reply) => reply.badRequest('A thing has a name'))
  },
  [`Express ${version('express')}`]: () => {
    const app = express()
    app.use(express.json())
    app.get('/', (_request, response) => { response.json({ name: 'root' }) })
    app.post('/things', (request, response) => {
      if (request.body?.name) response.status(201).json(request.body)
      else response.writeHead(400, 'A thing has a name').end()
    })
    app.use((_request, response) => { response.writeHead(404, 'No such thing').end() })
    app.use((error, _request, response, _next) => { response.writeHead(error.status ?? 500, error.expose ? 'Cannot be read' : undefined).end() })
    return listenHttp(app.listen(0, '127.0.0.1'))
  },
  'node:http': () => listenHttp(createServer((request, response) => {
    if (request.url === '/') response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    else if (request.url === '/things' && request.method === 'POST') response.writeHead(201).end('{}')
    else response.writeHead(404, 'No such thing').end()
  }).listen(0, '127.0.0.1'))
}

/** The rules that each probe found broken, by server and by probe. */
const results = {}
for (const [name, start] of Object.entries(SERVERS)) {
  const { port, close } = await start()
  const target = createTarget(port)
  results[name] = new Map()
  for await (const { probe, violations } of runProbes(target, selectProbes(target, await detectProtocols(target), [], {}), 8)) {
    results[name].set(probe.id, new Set(violations.map(({ rule }) => rule.id)))
  }
  await close()
}

/** The results of the probes for idempotency keys, by server. */
const keyedResults = {}
const keyedProbes = createIdempotencyProbes(keyedOptions, 'http/1.1')
for (const [name, start] of Object.entries(KEYED_SERVERS)) {
  const { port, close } = await start()
  keyedResults[name] = []
  for await (const result of runProbes(createTarget(port), keyedProbes, 4)) keyedResults[name].push(result)
  await close()
}
writeFileSync(new URL('../../docs/conformance.md', import.meta.url), describe())

function createTarget (port) {
  return { scheme: 'http', authority: `127.0.0.1:${port}`, host: '127.0.0.1', port, base: '', contract: new Contract(), requests, timeout: 5000 }
}

async function listenFastify (app, refuse) {
  app.get('/', async () => ({ name: 'root' }))
  app.post('/things', (request, reply) => request.body?.name ? reply.code(201).send(request.body) : refuse(request, reply))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: app.server.address().port, close: () => app.close() }
}

async function listenHttp (server) {
  if (!server.listening) await new Promise(resolve => { server.once('listening', resolve) })
  return {
    port: server.address().port,
    close: () => new Promise(resolve => {
      server.close(resolve)
      server.closeAllConnections()
    })
  }
}

function row (cells) {
  return `| ${cells.join(' | ')} |`
}

function describeKeyed () {
  const names = Object.keys(keyedResults)
  /** The first rule for idempotency keys that a probe found broken. The rules of the contract are in the other tables. */
  const cell = ({ violations, skipped }) => {
    const violation = violations.find(({ rule }) => Object.values(IDEMPOTENCY_RULES).includes(rule))
    if (violation !== undefined) return `✗ \`${violation.rule.id.replace('idempotency-', '')}\`: ${violation.found}`
    return skipped === undefined ? '' : 'skipped'
  }
  return `## Idempotency keys

The probes for idempotency keys need a request of your service, which you give them
with the option \`idempotent\`. Here, the request creates a thing, whose name is unique. A ✗
marks a violation, with the rule and what was found. \`skipped\` means that the server
has nothing to test, for example no routes for outcomes.

${row(['probe', 'sends', ...names])}
|---|---|${'---|'.repeat(names.length)}
${keyedProbes.map(({ id, sends }, i) => row([id, sends, ...names.map(name => cell(keyedResults[name][i]))])).join('\n')}

For \`@node-idempotency/core\`, we wrote the hooks of \`@node-idempotency/fastify\` by hand
for Fastify 5. Its records are in a \`Map\`.
\`@node-idempotency/fastify\`, \`@idempot/fastify\` and \`hono-idempotency\` could not
be installed here, so they were not probed.

${row(['rule', 'requires', 'source'])}
|---|---|---|
${Object.values(IDEMPOTENCY_RULES).map(({ id, text, source }) => row([id, text, source.replaceAll(/docs\/(\S+#[\w-]+)/g, '[$1]($1)')])).join('\n')}
`
}

function describe () {
  const names = Object.keys(results)
  const ids = [...results[names[0]].keys()]
  const separator = `|---|${'---:|'.repeat(names.length)}`
  const groups = [...new Set(ids.map(id => id.split('-')[0]))]
  const countFailed = (name, prefix = '') => [...results[name]].filter(([id, rules]) => id.startsWith(prefix) && rules.size > 0).length
  const rulesBroken = name => [...new Set([...results[name].values()].flatMap(rules => [...rules]))]
  return `# Conformance

On this page, you find what the conformance kit checks, and which servers keep the
[contract](contract.md).

\`\`\`sh
npx fastify-reason-phrase check http://127.0.0.1:3000
\`\`\`

The kit sends its probes to the same small service on this plugin and on other
servers. The tables count the probes that find a violation. Of the kit's ${probes.length} probes,
the ${probes.filter(({ protocol }) => protocol === 'h2').length} for HTTP/2 and the ${probes.filter(({ slow }) => slow).length} for the server's own timeouts are left out here. The group
\`requests\` is added: its probes send the requests of the service.
\`npm run docs:conformance\` writes this page. It was written with Node ${process.version}.

${row(['group', ...names])}
${separator}
${groups.map(group => row([group, ...names.map(name => `${countFailed(name, `${group}-`)} of ${ids.filter(id => id.startsWith(`${group}-`)).length}`)])).join('\n')}
${row(['all', ...names.map(name => `${countFailed(name)} of ${ids.length}`)])}

## Violated rules

At least one probe found that the server violates these rules:

${names.map(name => `- ${name}: ${rulesBroken(name).map(id => `\`${id}\``).join(', ') || 'none'}`).join('\n')}

## What the probes do to a service

Probes are real requests, so use a service whose data you can lose. In a test suite,
the kit also derives probes from the routes and schemas of the service. They call
every route with valid input, even \`POST\`, \`PUT\`, \`PATCH\` and \`DELETE\`, and these
requests have effects. [Prove the contract in your tests](testing.md#the-probes-call-your-routes)
shows how to exclude routes. The command \`check\` derives no probes. It sends malformed
requests, and the requests that you name.

## When a response is a violation

| response | verdict |
|---|---|
| a 4xx or 5xx whose header section announces a body | a violation. The kit waits ${LINGER_MS} ms for the body, to report its length. |
| a response that does not end within \`--timeout\` | a violation, even for a 2xx. Do not name a stream of events with \`--request\`. |
| more than ${MAX_EXCHANGE_BYTES / 2 ** 20} MiB on one connection | a violation: nothing after that is read. |
| more than ${MAX_INTERIM_RESPONSES} responses with a 1xx before the final one | a violation |
| an incomplete 4xx or 5xx | a violation. An incomplete 2xx is not, because a stream that fails ends like this. |
| a 100 and nothing else, for an incomplete request | no violation |
| a response without 2xx to a request of \`--request\` | no violation, but the run fails, because the request could not be tested. \`--allow-unsuccessful\` accepts any response. |
| a 2xx to CONNECT, without a length | no violation. It opens a tunnel, so the header section is the whole response. |

The same applies to HTTP/2, where END_STREAM ends a response.

${describeKeyed()}
## Probes

A ✗ marks a probe that finds a violation.

| probe |${names.map(name => ` ${name} |`).join('')}
|---|${':---:|'.repeat(names.length)}
${ids.map(id => row([id, ...names.map(name => results[name].get(id).size > 0 ? '✗' : '')])).join('\n')}
`
}
