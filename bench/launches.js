// A launch starts new processes for all servers of a section, and measures each server with each work.
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { connect, send } from './load.js'

// The slices are short, so that a slow moment of the machine affects all servers.
const SLICES = 10

/**
 * Measures works in new servers. V8 optimizes code for the calls that it has seen, so each server does all works of the
 * section before it is measured.
 *
 * @param chosen the works to measure
 * @param isQuick whether a few requests are enough
 * @returns by server and work: the CPU time of a request in microseconds, and the number of responses per second
 */
export async function launchServers ({ id, servers, works, execArgv = [] }, chosen, isQuick) {
  const slices = isQuick ? 1 : SLICES
  const running = await Promise.all(servers.map(async name => await startServer(id, name, execArgv)))
  for (const server of shuffled(running)) {
    for (let i = 0; i < slices; i++) {
      for (const work of works.filter(work => does(server, work))) {
        await send(server.pool, requestsOf(work, server, isQuick), work.status)
      }
    }
  }

  const measurements = running.flatMap(server =>
    chosen.filter(work => does(server, work)).map(work => ({ server, work, cpu: 0, elapsed: 0, answered: 0 })))
  for (let i = 0; i < slices; i++) {
    for (const measurement of shuffled(measurements)) {
      const { server, work } = measurement
      // The requests are made before the slice, so that the server does not wait for signatures.
      const requests = requestsOf(work, server, isQuick)
      const before = await server.cpuTime()
      const start = performance.now()
      await send(server.pool, requests, work.status)
      measurement.elapsed += performance.now() - start
      measurement.cpu += await server.cpuTime() - before
      measurement.answered += requests.length
    }
  }
  await Promise.all(running.map(async server => await server.stop()))

  const cpu = Object.fromEntries(servers.map(name => [name, {}]))
  const rate = structuredClone(cpu)
  for (const { server: { name }, work: { id }, ...sum } of measurements) {
    cpu[name][id] = sum.cpu / sum.answered
    rate[name][id] = sum.answered / sum.elapsed * 1000
  }
  return { cpu, rate }
}

/** Measures the start of a service; returns the CPU time in milliseconds, by server and work. */
export async function launchStarts ({ servers }, works, isQuick) {
  const script = fileURLToPath(new URL('start.js', import.meta.url))
  const startTime = (name, routes) => Number(execFileSync(process.execPath, [script, name, isQuick ? 100 : routes]))
  const cpu = Object.fromEntries(shuffled(servers).map(name =>
    [name, Object.fromEntries(works.map(({ id, routes }) => [id, startTime(name, routes)]))]))
  return { cpu }
}

/** Measures the signer of the client, in one process; returns the CPU time in microseconds, by signer and work. */
export async function launchSigners (_section, _works, isQuick) {
  const script = fileURLToPath(new URL('sign.js', import.meta.url))
  return { cpu: JSON.parse(execFileSync(process.execPath, [script, ...(isQuick ? ['1', '5'] : ['20', '500'])])) }
}

function does ({ name }, { servers }) {
  return servers === undefined || servers.includes(name)
}

function requestsOf ({ requests = 1000, request }, server, isQuick) {
  return Array.from({ length: isQuick ? 5 : requests }, (_, i) => request(server, i))
}

function shuffled (values) {
  return values.map(value => [Math.random(), value]).sort(([a], [b]) => a - b).map(([, value]) => value)
}

/** Starts a server in a process of its own, with open connections to it. */
async function startServer (module, name, execArgv) {
  // `node --cpu-prof` is passed on, because the profiles of the servers matter.
  const profiling = process.execArgv.filter(option => option.startsWith('--cpu-prof'))
  const child = fork(new URL('server.js', import.meta.url), [module, name], { execArgv: [...execArgv, ...profiling] })
  const exited = once(child, 'exit')
  const nextMessage = async () => {
    const [message] = await Promise.race([once(child, 'message'), exited])
    const end = child.exitCode ?? child.signalCode
    if (end !== null) throw new Error(`The server "${name}" ended with ${end}`)
    return message
  }
  const { port, topicId } = await nextMessage()
  const pool = connect(port)
  return {
    name,
    topicId,
    pool,
    /** Returns the CPU time that the process has used so far, user and system, in microseconds. */
    async cpuTime () {
      child.send('cpu')
      return await nextMessage()
    },
    async stop () {
      await pool.destroy()
      child.disconnect()
      await exited
    }
  }
}
