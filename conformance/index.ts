/**
 * The conformance kit: sends probes to a server, and checks the responses by the rules of the contract.
 *
 * @module fastify-reason-phrase/conformance
 */
// conformance.ts       tests a Fastify service
// suite.ts             reports to the test runner: tap, node:test or vitest
// resolve-contract.ts  takes the options of the contract from the service
// idempotent-routes.ts takes the options for idempotency keys from the routes of the service
// assert-contract.ts   asserts that one response keeps the contract
// rules.ts             the rules, and the check of a response
// run-probes.ts        sends probes, and returns their results
// find-violations.ts   finds the violations in an exchange
// untested.ts          finds requests and runs that tested nothing
// scenario.ts          sends the requests of a probe that needs several connections
// report.ts            describes violations and results
// probes/              the probes: one file for each group
// exchange/            sends and receives: requests, connections, and a parser for responses
export { assertContract } from './assert-contract.js'
export type { AssertOptions, InjectedResponse, UndiciResponse } from './assert-contract.js'
export { conformance } from './conformance.js'
export type { ConformanceOptions, Service } from './conformance.js'
export type { HeadersHook, OutgoingRequest, RequestOptions } from './exchange/request.js'
export type { IdempotencyOptions, IdempotentRequest } from './probes/idempotency.js'
export { probes } from './probes/index.js'
export type { ConnectionProbe, Group, Http1Probe, Http2Probe, Probe, ScenarioProbe } from './probes/probe.js'
export type { Selection } from './probes/select.js'
export type { JudgingOptions } from './resolve-contract.js'
export { rules } from './rules.js'
export type { Rule } from './rules.js'
export type { Suite } from './suite.js'
