import { createRequire } from 'node:module'
import { nearestName } from '../lib/nearest-name.js'
import { hasFlag } from './arguments.js'
import { call } from './call.js'
import { check } from './check.js'
import { EXIT_USAGE, PROGRAM_PREFIX, UsageError, writeAll, type Command, type Environment, type Streams } from './command.js'
import { COMMON_FLAGS } from './flags.js'
import { look, settle } from './settle.js'
import { sign } from './sign.js'

const commands: Record<string, Command> = { call, settle, look, check, sign }

const usage = `Usage: fastify-reason-phrase <command>

Commands:
${Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(8)}${summary}`).join('\n')}

Run fastify-reason-phrase <command> --help for the options of a command, and
fastify-reason-phrase --version for the version of the package.
`

/**
 * Runs the command that is the first argument.
 *
 * @param argv the arguments without the name of the program
 * @returns the exit code
 */
export async function run ([name = '', ...args]: string[], streams: Streams, env: Environment): Promise<number> {
  const { stdout, stderr } = streams
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  // If there is no command, the first argument can be --help or --version.
  const asksFor = (flag: keyof typeof COMMON_FLAGS): boolean => command === undefined ? hasFlag([name], COMMON_FLAGS, flag) : hasFlag(args, command.flags, flag)
  if (asksFor('help')) {
    await writeAll(stdout, command?.usage ?? usage)
    return 0
  }
  if (asksFor('version')) {
    await writeAll(stdout, `fastify-reason-phrase ${readVersion()}\n`)
    return 0
  }
  if (command === undefined) {
    await writeAll(stderr, `${PROGRAM_PREFIX}${explainName(name)}\n\n${usage}`)
    return EXIT_USAGE
  }
  try {
    return await command.run(args, streams, env)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    await writeAll(stderr, `${PROGRAM_PREFIX}${error.message}\n\n${command.usage}`)
    return EXIT_USAGE
  }
}

/** Returns why the name is not a command. Does not quote the name, because a misplaced argument can be a secret. */
function explainName (name: string): string {
  if (name === '') return 'no command'
  const nearest = nearestName(name, Object.keys(commands))
  return nearest === undefined ? 'unknown command' : `unknown command; did you mean ${nearest}?`
}

/** Returns the version of the package. This module is in the folder `bin/` or `dist/bin/` of the package. */
function readVersion (): string {
  return createRequire(import.meta.url)('fastify-reason-phrase/package.json').version
}
