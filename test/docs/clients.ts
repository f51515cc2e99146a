import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { Agent, get, request as httpRequest } from 'node:http'
import { join } from 'node:path'
import axios, { type AxiosError } from 'axios'
import Fastify from 'fastify'
import got, { type HTTPError as GotError } from 'got'
import ky, { type HTTPError as KyError } from 'ky'
import t from 'tap'
import { request } from 'undici'
import { createClient } from '../../client/index.js'
import reasonPhrase, { serverOptions } from '../../index.js'
import { listen } from '../fixtures/wire.js'

const docs = join(import.meta.dirname, '..', '..', 'docs')
const folder = join(docs, 'clients')
const page = readFileSync(join(docs, 'clients.md'), 'utf8')
const [, ...sections] = page.split(/^## /m)

/** Returns the files of docs/clients that a part of the page links to. */
const linked = (text: string) => Array.from(text.matchAll(/\]\(clients\/(.*?)\)/g), ([, file]) => file!)

/** Returns whether these lines are consecutive lines of a file, with the same relative indentation. */
function occurs (lines: string[], file: string): boolean {
  const own = readFileSync(join(folder, file), 'utf8').split('\n')
  return own.some((line, index) => {
    const indent = /^\s*/.exec(line)![0]
    return lines.every((expected, offset) => own[index + offset] === indent + expected)
  })
}

t.test('each code block of docs/clients.md is two lines of the file that it links to', async t => {
  const blocks = sections.flatMap(section => {
    const [file] = linked(section)
    return Array.from(section.matchAll(/^```\w+\n([^]*?)\n```$/gm), ([, code]) => ({ file: file!, lines: code!.split('\n') }))
  })
  t.equal(blocks.length, 20)
  for (const { file, lines } of blocks) {
    t.equal(lines.length, 2, file)
    t.ok(occurs(lines, file), `${file}: ${lines.join(' / ')}`)
  }
  t.equal(page.match(/^```\w/gm)!.length, blocks.length, 'the page has no other code blocks')
})

t.test('docs/clients.md links to each file of docs/clients, and to no other file', async t => {
  t.strictSame([...new Set(linked(page))].sort(), readdirSync(folder).sort())
})

t.test('the table of docs/clients.md has a row for each measured client', async t => {
  const rows = Array.from(page.matchAll(/^\| \[(.*?)\]\(#(.*?)\) \|/gm), ([, name, anchor]) => ({ name, anchor }))
  const headings = sections.map(section => section.slice(0, section.indexOf('\n'))).filter(name => name !== 'Clients that send a request again')
  t.strictSame(rows, headings.map(name => ({ name, anchor: name.toLowerCase().replace(/[^\w -]/g, '').replaceAll(' ', '-') })))
})

const REASON = 'No such order: '.repeat(20).trim()
const PHRASE = REASON.slice(0, 128).trim()

t.test('docs/clients.md describes the errors of the clients for Node', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  app.get('/', async (_request, reply) => reply.unprocessable(REASON))
  let requests = 0
  app.all('/away', async (_request, reply) => {
    requests++
    return reply.serviceUnavailable(REASON)
  })
  const url = `http://127.0.0.1:${await listen(t, app)}`

  const axiosError = await axios.get(url).catch((error: AxiosError) => error) as AxiosError
  t.equal(axiosError.name, 'AxiosError')
  t.equal(axiosError.message, 'Request failed with status code 422')
  t.equal((axiosError.response!.headers as { get (name: string): unknown }).get('EB-REASON-PHRASE'), REASON)

  const gotError = await got(url).catch((error: GotError) => error) as GotError
  t.equal(gotError.name, 'HTTPError')
  t.match(gotError.message, PHRASE)
  t.equal(gotError.response.headers['eb-reason-phrase'], REASON)
  t.notOk('EB-REASON-PHRASE' in gotError.response.headers, 'the name is in lower case')

  const kyError = await ky(url).catch((error: KyError) => error) as KyError
  t.equal(kyError.name, 'HTTPError')
  t.match(kyError.message, PHRASE)
  t.equal(kyError.response.headers.get('EB-REASON-PHRASE'), REASON)

  const { headers, body } = await request(url)
  await body.dump()
  t.equal(headers['eb-reason-phrase'], REASON)
  t.notOk('EB-REASON-PHRASE' in headers, 'the name is in lower case')

  const [response] = await once(get(url), 'response')
  response.resume()
  t.equal(response.headers['eb-reason-phrase'], REASON)
  t.notOk('EB-REASON-PHRASE' in response.headers, 'the name is in lower case')

  /** Returns how many requests a client sends for one call. */
  const sent = async (call: () => Promise<unknown>) => {
    requests = 0
    await t.rejects(call())
    return requests
  }
  const away = `${url}/away`
  const backoffLimit = 1
  for (const method of ['get', 'put', 'delete'] as const) {
    t.equal(await sent(() => got[method](away, { retry: { backoffLimit } })), 3, `got retries ${method} twice`)
    t.equal(await sent(() => ky[method](away, { retry: { backoffLimit } })), 3, `ky retries ${method} twice`)
    t.equal(await sent(() => got[method](away, { retry: { limit: 0 } })), 1)
    t.equal(await sent(() => ky[method](away, { retry: 0 })), 1)
  }
  t.equal(await sent(() => got.post(away)), 1)
  t.equal(await sent(() => ky.post(away)), 1)
})

t.test('docs/clients.md lists the clients for Node that retry a request after a lost connection', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  let runs = 0
  app.get('/', async () => ({}))
  app.all('/lost', (request, reply) => {
    runs++
    if (runs > 1) return reply.notFound('The work is done')
    reply.hijack()
    request.raw.socket.destroy()
  })
  const origin = `http://127.0.0.1:${await listen(t, app)}`
  const url = `${origin}/lost`

  const agent = new Agent({ keepAlive: true })
  t.teardown(() => { agent.destroy() })
  const client = createClient({ baseUrl: origin })
  const throwHttpErrors = false
  const backoffLimit = 1
  const calls: Record<string, (method: 'GET' | 'DELETE' | 'POST', url: string) => Promise<unknown>> = {
    fetch: async (method, url) => await (await fetch(url, { method })).text(),
    undici: async (method, url) => { await (await request(url, { method })).body.dump() },
    axios: async (method, url) => await axios({ method, url, data: method === 'POST' ? {} : undefined, httpAgent: agent }),
    'node:http': async (method, url) => {
      const [response] = await once(httpRequest(url, { method, agent }).end(), 'response')
      response.resume()
      await once(response, 'end')
    },
    'fastify-reason-phrase/client': async method => await client(method, '/lost'),
    got: async (method, url) => await got(url, { method, agent: { http: agent }, throwHttpErrors, retry: { backoffLimit } }),
    ky: async (method, url) => await ky(url, { method, throwHttpErrors, retry: { backoffLimit } })
  }
  const again = ['got', 'ky']
  for (const [name, call] of Object.entries(calls)) {
    for (const method of ['GET', 'DELETE', 'POST'] as const) {
      // Send a request first, so that the next request reuses its connection.
      await call('GET', origin)
      runs = 0
      const settled = await call(method, url).catch((error: Error) => error)
      const isAgain = again.includes(name) && method !== 'POST'
      t.equal(runs, isAgain ? 2 : 1, `${name} sends ${method} ${isAgain ? 'twice' : 'once'}`)
      if (name === 'fastify-reason-phrase/client') t.match(settled, { outcome: 'unknown' })
    }
    t.equal(page.includes(`| ${name} | GET, PUT, DELETE |`), again.includes(name), `docs/clients.md says whether ${name} retries`)
  }
})
