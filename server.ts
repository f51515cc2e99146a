import { randomUUID } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import closeWithGrace from 'close-with-grace'
import Fastify from 'fastify'
import service from './app.js'
import { serverOptions } from './index.js'
import { DatabaseUnavailable } from './plugins/app/database/errors.js'
import { KeysUnreadable } from './plugins/app/keys/file.js'
import { createTerminalStream } from './plugins/app/terminal-log.js'

const { DATABASE_FILE, DATABASE_URL, DRAIN_TIME, HOST, KEYS_FILE, LOG_LEVEL, MESSAGE_BACKLOG, NODE_ENV, PORT } = process.env

const app = Fastify(serverOptions({
  // Fastify's own ids begin again with each process.
  genReqId: () => randomUUID(),
  // The default, 10 seconds for each plugin, can be too short on a busy machine, or for a migration.
  pluginTimeout: 60_000,
  logger: {
    level: LOG_LEVEL || 'info',
    stream: process.stdout.isTTY ? await createTerminalStream() : undefined
  }
}, { requestId: true }))
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
  // Fastify gets one address: for a name with several, it creates servers that close() does not wait for.
  const { address } = await lookup(HOST || '127.0.0.1')
  await app.listen({ host: address, port: Number(PORT || 3000) })
  closeWithGrace({ delay, logger: app.log }, async ({ signal, err }) => {
    app.log[err ? 'fatal' : 'info']({ signal, err }, 'Closing')
    await app.close()
  })
} catch (error) {
  // An error of the environment is logged as one line, and any other error with its stack.
  const isOperational = error instanceof DatabaseUnavailable || error instanceof KeysUnreadable || Object.hasOwn(error as Error, 'syscall')
  app.log.fatal(isOperational ? (error as Error).message : error)
  await app.close()
  process.exitCode = 1
}
