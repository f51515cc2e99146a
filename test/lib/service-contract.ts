import Fastify from 'fastify'
import t from 'tap'
import { Contract } from '../../lib/contract.js'
import { findContract, REGISTRATION } from '../../lib/service-contract.js'
import reasonPhrase from '../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../plugins/reason-phrase/server-options.js'

t.test('returns the contract of the plugin or of serverOptions()', async t => {
  t.equal(findContract(Fastify(serverOptions({}, { header: 'X-Reason' })))?.header, 'X-Reason')
  const app = Fastify()
  await app.register(reasonPhrase, { header: 'X-Reason' })
  t.equal(findContract(app)?.header, 'X-Reason')
  await app.register(async child => { t.equal(findContract(child)?.header, 'X-Reason') })
})

t.test('returns the contract of a plugin from another copy of the package', async t => {
  const contract = new Contract({ header: 'X-Reason' })
  t.equal(findContract(Object.create({ [Symbol(REGISTRATION)]: { contract } })), contract)
})

t.test('returns undefined for a service without a contract', async t => {
  t.equal(findContract(Fastify()), undefined)
  t.equal(findContract(Fastify({ routerOptions: {} })), undefined)
  t.equal(findContract({}), undefined)
})
