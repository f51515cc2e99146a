import { lookup } from 'node:dns/promises'
import closeWithGrace from 'close-with-grace'
import Fastify from 'fastify'
import service from './app.js'
import { serverOptions } from './index.js'
import { oneLine, visible } from './lib/one-line.js'
import { DatabaseUnavailable } from './plugins/app/database/index.js'
import { KeysUnreadable } from './plugins/app/keys/index.js'

const { DATABASE_FILE, DATABASE_URL, DRAIN_TIME, HOST, KEYS_FILE, LOG_LEVEL, MESSAGE_BACKLOG, NODE_ENV, PORT } = process.env

/**
 * Returns where a person reads the log. A line without a message has an empty one. pino-pretty breaks a message at its
 * line ends, so that one of a request could look like a line of ours. So could other texts by a control character, which
 * pino-pretty prints in a stack, and partly in every field.
 */
async function terminal () {
  const { default: pretty } = await import('pino-pretty')
  const lines = pretty({ sync: true, messageFormat: (line, messageKey) => oneLine([line[messageKey]].join()) })
  return { write: (json: string) => lines.write(visible(json)) }
}

const app = Fastify(serverOptions({
  // Fastify's own limit, 10 seconds for each plugin, can be too short on a busy machine, or for a migration.
  pluginTimeout: 60_000,
  logger: {
    level: LOG_LEVEL || 'info',
    stream: process.stdout.isTTY ? await terminal() : undefined
  }
}))
app.register(service, {
  databaseFile: DATABASE_FILE || undefined,
  databaseUrl: DATABASE_URL,
  keysFile: KEYS_FILE || undefined,
  makeKeys: NODE_ENV !== 'production',
  messageBacklog: MESSAGE_BACKLOG ? Number(MESSAGE_BACKLOG) : undefined
})

try {
  const delay = Number(DRAIN_TIME || 10_000)
  if (!(delay > 0 && delay < 2 ** 31)) throw new RangeError(`DRAIN_TIME must be a number of milliseconds, not ${DRAIN_TIME}`)
  // One address: for a name with several, Fastify makes servers that it does not wait for as it closes.
  const { address } = await lookup(HOST || '127.0.0.1')
  await app.listen({ host: address, port: Number(PORT || 3000) })
  closeWithGrace({ delay, logger: app.log }, async ({ signal, err }) => {
    app.log[err ? 'fatal' : 'info']({ signal, err }, 'Closing')
    await app.close()
  })
} catch (error) {
  // What the person who starts it can put right is said in a line; a mistake of ours has a stack.
  const theirs = error instanceof DatabaseUnavailable || error instanceof KeysUnreadable || Object.hasOwn(error as Error, 'syscall')
  app.log.fatal(theirs ? (error as Error).message : error)
  await app.close()
  process.exitCode = 1
}
