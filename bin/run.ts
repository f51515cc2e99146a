import { call } from './call.js'
import { check } from './check.js'
import { UsageError, write, type Command, type Environment, type Streams } from './command.js'

/** The exit code of wrong use (sysexits.h, EX_USAGE). */
export const WRONG_USE = 64

const commands: Record<string, Command> = { call, check }

const usage = `Usage: fastify-reason-phrase <command>

Commands:
${Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(8)}${summary}`).join('\n')}

fastify-reason-phrase <command> --help says more.
`

/**
 * Runs the command that the arguments name.
 *
 * @param argv the arguments, without the program's name
 * @returns the exit code
 */
export async function run ([name = '', ...args]: string[], streams: Streams, env: Environment): Promise<number> {
  const { stdout, stderr } = streams
  if (isHelp(name)) {
    await write(stdout, usage)
    return 0
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) {
    await write(stderr, `fastify-reason-phrase: ${name === '' ? 'no command' : 'no such command'}\n\n${usage}`)
    return WRONG_USE
  }
  if (args.some(isHelp)) {
    await write(stdout, command.usage)
    return 0
  }
  try {
    return await command.run(args, streams, env)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    await write(stderr, `fastify-reason-phrase: ${error.message}\n\n${command.usage}`)
    return WRONG_USE
  }
}

function isHelp (argument: string): boolean {
  return argument === '--help' || argument === '-h'
}
