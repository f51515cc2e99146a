// The load, in a process of its own: sends what it is told to, and tells how it went.
import { randomUUID } from 'node:crypto'
import autocannon from 'autocannon'
import { sign } from '../test/fixtures/sign.ts'
import { KEY } from './servers/payloads.js'

process.on('message', async ({ port, amount, connections, request }) => {
  const { method = 'GET', path, headers = {}, bytes, json, signed, status } = request
  const body = json === undefined ? bytes && Buffer.alloc(bytes, 'x') : JSON.stringify(json)
  const type = json === undefined ? 'application/octet-stream' : 'application/json'
  const fields = { ...(body && { 'content-type': type }), ...headers }
  const one = () => {
    // A name that no other request has, where there is one to fill in.
    const own = typeof body === 'string' ? body.replace('{unique}', randomUUID()) : body
    return { method, path, body: own, headers: { ...fields, ...(signed && sign(method, path, own, { key: KEY })) } }
  }
  const options = { url: `http://127.0.0.1:${port}${path}`, amount, connections: Math.min(connections, amount), timeout: 30, sampleInt: 50 }
  const run = autocannon(String(body).includes('{unique}')
    ? { ...options, requests: [{ method, path, setupRequest: request => ({ ...request, ...one() }) }] }
    : { ...options, ...one() })
  const start = performance.now()
  let last = start
  let count = 0
  // What is between these marks is no opening or closing of connections.
  const margin = Math.min(2 * connections, Math.ceil(amount / 4))
  run.on('response', () => {
    last = performance.now()
    count++
    if (count === margin || count === amount - margin) process.send({ mark: count })
  })
  const { statusCodeStats, errors, latency } = await run

  // Where the server closes connections, autocannon counts requests that it did not get to send.
  const answered = statusCodeStats[status]?.count ?? 0
  if (answered < amount / 2 || Object.keys(statusCodeStats).length > 1) {
    process.send({ failed: `${method} ${path}: ${answered} of ${amount} answers were ${status}, all were ${JSON.stringify(statusCodeStats)}, ${errors} errors` })
  } else {
    process.send({ answered, throughput: answered / (last - start) * 1000, p99: latency.p99 })
  }
})
