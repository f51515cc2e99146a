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

function answer (child, message, onMark) {
  return new Promise((resolve, reject) => {
    const onExit = code => { reject(new Error(`${child.spawnargs.join(' ')} ended with ${code}`)) }
    const onMessage = reply => {
      if (reply.mark !== undefined) return onMark?.()
      child.off('exit', onExit)
      child.off('message', onMessage)
      if (reply.failed) reject(new Error(reply.failed))
      else resolve(reply)
    }
    child.once('exit', onExit)
    child.on('message', onMessage)
    if (message !== undefined) child.send(message)
  })
}

/** A server of `servers/`, in its own process, which a script starts and answers for. */
export async function startServer ({ server, options = {}, flags = YOUNG, script = 'server.js' }) {
  const child = start(1, script, [server, JSON.stringify(options)], flags)
  const { port, topic } = await answer(child)
  let last = Promise.resolve()
  return {
    pid: child.pid,
    port,
    topic,
    // One after the other, as the answers do not tell what they are answers to.
    ask: message => (last = last.then(() => answer(child, message))),
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

/**
 * Has a number of requests answered; resolves with how many were, throughput
 * (per second) and p99 (ms).
 *
 * @param onMark called when all connections are open, and before the first closes
 */
export function requests (what, onMark) {
  load ??= start(0, 'load.js', [], TSX)
  return answer(load, what, onMark)
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
