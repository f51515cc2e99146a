// The two processes of a measurement, each on a core of its own where there are two.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

/** Whether the server and the load have a core each. */
export const pinned = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0

/** For what imports TypeScript. */
export const TSX = ['--import', 'tsx']

// The young generation of V8, in MiB, from the start as large as it becomes. Without, a
// full collection can come before a server is warm, and take along what V8 knows of the
// objects that process.nextTick of Node 20 creates: a request takes a fifth more from
// then on (docs/performance.md). Of 35 processes without it 8 were slow, of 27 with it none.
export const YOUNG = ['--min-semi-space-size=16']

const children = new Set()

function start (core, script, args = [], flags = []) {
  const command = [...(pinned ? ['taskset', '-c', String(core)] : []), process.execPath, ...flags, fileURLToPath(new URL(script, import.meta.url)), ...args]
  const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

function answer (child, message) {
  return new Promise((resolve, reject) => {
    const onExit = code => { reject(new Error(`${child.spawnargs.join(' ')} ended with ${code}`)) }
    child.once('exit', onExit)
    child.once('message', reply => {
      child.off('exit', onExit)
      if (reply.failed) reject(new Error(reply.failed))
      else resolve(reply)
    })
    if (message !== undefined) child.send(message)
  })
}

/** A server of `servers/`, in its own process, which a script starts and answers for. */
export async function startServer ({ server, options = {}, flags = YOUNG, script = 'server.js' }) {
  const child = start(1, script, [server, JSON.stringify(options)], flags)
  const { port, topic } = await answer(child)
  return {
    pid: child.pid,
    port,
    topic,
    ask: message => answer(child, message),
    end: () => endOf(child)
  }
}

const shared = new Map()

/** The same, but one for all that ask for it, which goes on until {@link end}. */
export function sharedServer (what) {
  const key = JSON.stringify(what)
  if (!shared.has(key)) shared.set(key, startServer(what).then(server => ({ ...server, end () {} })))
  return shared.get(key)
}

let load

/** Has a number of requests answered; resolves with how many were, throughput (per second) and p99 (ms). */
export function requests (what) {
  load ??= start(0, 'load.js', [], TSX)
  return answer(load, what)
}

/** Ends what is still running. */
export async function end () {
  load?.kill()
  await Promise.all([...children].filter(child => child !== load).map(endOf))
}

async function endOf (child) {
  const exit = once(child, 'exit')
  child.send('end')
  await exit
}
