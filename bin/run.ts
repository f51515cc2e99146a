import { call } from './call.js'
import { check } from './check.js'
import { PROGRAM_PREFIX, UsageError, writeAll, type Command, type Environment, type Streams } from './command.js'
import { look, settle } from './settle.js'

/** The exit code for invalid arguments (sysexits.h, EX_USAGE). */
export const EXIT_USAGE = 64

const commands: Record<string, Command> = { call, settle, look, check }

const usage = `Usage: fastify-reason-phrase <command>

Commands:
${Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(8)}${summary}`).join('\n')}

Run fastify-reason-phrase <command> --help for the options of a command.
`

/**
 * Runs the command that the arguments name.
 *
 * @param argv the arguments without the name of the program
 * @returns the exit code
 */
export async function run ([name = '', ...args]: string[], streams: Streams, env: Environment): Promise<number> {
  const { stdout, stderr } = streams
  if (isHelp(name)) {
    await writeAll(stdout, usage)
    return 0
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) {
    await writeAll(stderr, `${PROGRAM_PREFIX}${name === '' ? 'no command' : 'unknown command'}\n\n${usage}`)
    return EXIT_USAGE
  }
  if (getOptions(args).some(isHelp)) {
    await writeAll(stdout, command.usage)
    return 0
  }
  try {
    return await command.run(args, streams, env)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    await writeAll(stderr, `${PROGRAM_PREFIX}${error.message}\n\n${command.usage}`)
    return EXIT_USAGE
  }
}

/** Returns the arguments before `--`. Those after it are no options. */
function getOptions (args: string[]): string[] {
  const end = args.indexOf('--')
  return end === -1 ? args : args.slice(0, end)
}

function isHelp (argument: string): boolean {
  return argument === '--help' || argument === '-h'
}
