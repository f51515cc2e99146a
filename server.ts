import { randomUUID } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import closeWithGrace from 'close-with-grace'
import Fastify, { type FastifyInstance } from 'fastify'
import service from './app.js'
import { serverOptions } from './index.js'
import { escapeControls } from './lib/control-characters.js'
import { DatabaseUnavailable } from './plugins/app/database/errors.js'
import { KeysUnreadable } from './plugins/app/keys/file.js'
import { createListenError, InvalidSetting, readSettings, type Settings } from './plugins/app/settings.js'
import { createTerminalStream } from './plugins/app/terminal-log.js'

async function start (settings: Settings): Promise<void> {
  const { databaseFile, databaseUrl, keysFile, messageBacklog } = settings
  const app = Fastify(serverOptions({
    // Fastify's default ids start at 1 in each process, so they would repeat in the log.
    genReqId: () => randomUUID(),
    // The default of 10 seconds can be too short on a busy machine, or for a migration.
    pluginTimeout: 60_000,
    logger: {
      level: settings.logLevel,
      stream: process.stdout.isTTY ? await createTerminalStream() : undefined
    }
  }, { requestId: true }))
  app.register(service, { databaseFile, databaseUrl, keysFile, messageBacklog, makeKeys: !settings.isProduction })

  try {
    await app.ready()
    await listen(app, settings)
    closeWithGrace({ delay: settings.drainTime, logger: app.log }, async ({ signal, err }) => {
      app.log[err ? 'fatal' : 'info']({ signal, err }, 'Closing')
      await app.close()
    })
  } catch (error) {
    if (isOperational(error)) printError(error)
    else app.log.fatal(error)
    process.exitCode = 1
    await app.close()
  }
}

async function listen (app: FastifyInstance, settings: Settings): Promise<void> {
  try {
    // Pass a single address: for a name with several addresses, Fastify creates servers that close() does not wait for.
    const { address } = await lookup(settings.host)
    await app.listen({ host: address, port: settings.port })
  } catch (error) {
    throw createListenError(error as NodeJS.ErrnoException, settings)
  }
}

/** Returns whether an error has its cause in the environment, as its message explains. Any other error is a bug. */
function isOperational (error: unknown): error is Error {
  return error instanceof InvalidSetting || error instanceof DatabaseUnavailable || error instanceof KeysUnreadable
}

/** Prints an error of the environment on one line. */
function printError ({ message }: Error): void {
  process.stderr.write(`${escapeControls(message)}\n`)
}

let settings: Settings | undefined
try {
  settings = readSettings(process.env)
} catch (error) {
  printError(error as InvalidSetting)
  process.exitCode = 1
}
if (settings !== undefined) await start(settings)
