import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { kyselyStore } from '../../../plugins/idempotency/index.js'
import { keyedDatabases, openKysely } from '../../fixtures/keyed-databases.js'
import { summarize } from '../../fixtures/keyed-service.js'
import { until } from '../../fixtures/maintenance.js'
import { bundleOutcomeServer, OutcomeProcess } from '../../fixtures/outcome-process.js'
import { connect, type WireResponse } from '../../fixtures/wire.js'

t.setTimeout(120_000)

const KEYS = 30
const EXECUTING = { statusCode: 503, status: 'executing', retryAfter: '1' }
const CLOSED = { statusCode: 422, status: 'closed' }

let script: string
t.before(async () => { script = await bundleOutcomeServer(t) })

/** Repeats a request while the response is 503. */
async function repeat (send: () => Promise<WireResponse>): Promise<WireResponse> {
  for (;;) {
    const response = await send()
    if (response.statusCode !== 503) return response
    await sleep(5)
  }
}

for (const { name, skip, open } of keyedDatabases) {
  t.test(`closing keys on ${name}`, { skip }, async t => {
    const options = await open(t)
    const db = await openKysely(name, options)
    t.teardown(() => db.destroy())
    await db.schema.createTable('effect').addColumn('name', 'varchar(255)').execute()
    await kyselyStore(db).createTable()
    const countEffects = async (key: string): Promise<number> => (await db.selectFrom('effect').select('name').where('name', '=', key).execute()).length
    const start = async (t: Test): Promise<OutcomeProcess> => await OutcomeProcess.start(t, script, { name, options })
    const [first, second] = await Promise.all([start(t), start(t)])

    t.test('does not run a request that arrives after the closing on another process', async t => {
      const late = connect(second.port)
      late.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nIdempotency-Key: l')
      const closing = await first.close('late')
      t.match([closing.statusCode, JSON.parse(closing.body)], [200, { key: 'late', state: 'closed', createdAt: String, settledAt: String }])
      late.write('ate\r\n\r\n')
      t.match(summarize((await late.responses(1))[0]!), CLOSED)
      late.destroy()
      for (const service of [first, second]) {
        t.match(summarize(await service.send('late')), CLOSED)
        for (const response of [await service.close('late'), await service.find('late')]) t.equal(response.body, closing.body)
      }
      t.equal(await countEffects('late'), 0)
    })

    t.test('returns the recorded answer of a request that another process has executed', async t => {
      for (const [key, lines, state] of [['success', [], 'succeeded'], ['rejection', ['X-Reject: 1'], 'rejected']] as const) {
        const { statusCode, body } = await first.send(key, [...lines])
        const closing = JSON.parse((await second.close(key)).body)
        t.match(closing, { key, state, statusCode, createdAt: String, settledAt: String })
        if (state === 'succeeded') t.equal(closing.body, body)
        else t.equal(closing.reason, 'Not today')
        t.strictSame(JSON.parse((await first.close(key)).body), closing)
        t.equal(await countEffects(key), state === 'succeeded' ? 1 : 0)
      }
    })

    t.test('does not close a key while another process executes its request', async t => {
      const execution = first.send('executing', ['X-Time: 3000'])
      await until(async () => JSON.parse((await first.find('executing')).body || '{}').state === 'executing')
      const found = await second.find('executing')
      const closing = summarize(await second.close('executing'))
      if (name === 'SQLite') {
        // SQLite does not show what another process executes, and has one writer.
        t.equal(found.statusCode, 404)
        t.match(closing, { statusCode: 503, retryAfter: '1' })
      } else {
        t.match([found.statusCode, JSON.parse(found.body)], [200, { key: 'executing', state: 'executing' }])
        t.equal(JSON.parse(found.body).createdAt !== undefined, name === 'PostgreSQL')
        t.match(closing, EXECUTING)
      }
      t.match(summarize(await first.close('executing')), EXECUTING)
      t.match(summarize(await execution), { statusCode: 200, status: 'succeeded' })
      t.match(JSON.parse((await second.close('executing')).body), { state: 'succeeded' })
      t.equal(await countEffects('executing'), 1)
    })

    t.test('closes a key whose process was killed while it executed the request', async t => {
      const killed = await start(t)
      const execution = killed.send('killed', ['X-Time: 60000'])
      execution.catch(() => {})
      await until(async () => JSON.parse((await killed.find('killed')).body || '{}').state === 'executing')
      await killed.kill()
      await t.rejects(execution)
      const closing = await repeat(async () => await second.close('killed'))
      t.match(JSON.parse(closing.body), { state: 'closed' })
      t.match(summarize(await first.send('killed')), CLOSED)
      t.equal(await countEffects('killed'), 0)
    })

    t.test('ends each key in one state if two processes execute and close it at the same time', async t => {
      const states = new Map<string, number>()
      for (let n = 0; n < KEYS; n++) {
        const key = `race ${n}`
        const path = encodeURIComponent(key)
        const delayed = async (send: () => Promise<WireResponse>): Promise<WireResponse> => {
          await sleep(Math.random() * 10)
          return await repeat(send)
        }
        const lines = [`X-Time: ${Math.floor(Math.random() * 10)}`]
        const [executions, closings] = await Promise.all([
          Promise.all([first, second].map(service => delayed(async () => await service.send(key, lines)))),
          Promise.all([first, second].map(service => delayed(async () => await service.close(path))))
        ])
        const outcomes = closings.map(({ body }) => JSON.parse(body))
        const [{ state, body }] = outcomes
        t.strictSame(outcomes[1], outcomes[0], `${key} ${state}`)
        t.strictSame(JSON.parse((await first.find(path)).body), outcomes[0])
        const succeeded = state === 'succeeded'
        t.ok(succeeded || state === 'closed')
        for (const execution of executions) t.match(summarize(execution), succeeded ? { statusCode: 200, status: 'succeeded', body } : CLOSED)
        t.equal(await countEffects(key), succeeded ? 1 : 0)
        states.set(state, (states.get(state) ?? 0) + 1)
      }
      t.comment(`${states.get('succeeded') ?? 0} succeeded, ${states.get('closed') ?? 0} closed`)
    })
  })
}
