import { readFileSync } from 'node:fs'
import { cpus, totalmem, type } from 'node:os'
import { pinned } from './processes.js'

const MEASURED = ['fastify', '@fastify/sensible', 'fastify-http-errors-enhanced', 'express', 'http-message-signatures', 'autocannon']

/** What a measurement depends on: the day, the machine, and the versions. */
export function environment () {
  const [{ model }] = cpus()
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: { cpu: model, cores: cpus().length, memory: totalmem(), os: type(), pinned },
    versions: { node: process.versions.node, ...Object.fromEntries(MEASURED.map(name => [name, versionOf(name)])) }
  }
}

// Not every package exports its package.json.
function versionOf (name) {
  return JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version
}
