import { parseArgs } from 'node:util'
import { nearestName } from '../lib/nearest-name.js'
import { UsageError } from './command.js'
import type { Flags } from './flags.js'

type Arguments<F extends Flags> = ReturnType<typeof parseArgs<{ options: F, allowPositionals: true }>>

/** The values of the flags that were given. */
export type Values<F extends Flags> = Arguments<F>['values']

/**
 * Returns the flags and the positional arguments.
 *
 * @throws {UsageError} if an argument is invalid
 */
export function parseArguments<F extends Flags> (args: string[], flags: F): Arguments<F> {
  try {
    return parseArgs({ args, options: flags, allowPositionals: true })
  } catch (error) {
    throw new UsageError(explainError(error as NodeJS.ErrnoException, flags))
  }
}

/** Returns whether the arguments have a flag of this name, even if other arguments are invalid. */
export function hasFlag (args: string[], flags: Flags, name: string): boolean {
  return parseArgs({ args, options: flags, allowPositionals: true, strict: false }).values[name] === true
}

function explainError ({ code, message }: NodeJS.ErrnoException, flags: Flags): string {
  const [, flag] = /^Unknown option '(-[^']*)'/.exec(message) ?? []
  if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION' || flag === undefined) return message
  const nearest = suggestFlag(flag, flags)
  return nearest === undefined ? message : `Unknown option '${flag}'. Did you mean ${nearest}?`
}

function suggestFlag (flag: string, flags: Flags): string | undefined {
  if (flag.startsWith('--')) {
    const nearest = nearestName(flag, Object.keys(flags))
    return nearest && `--${nearest}`
  }
  // For a one-letter flag, the only useful suggestion is the same letter in the other case.
  const letters = Object.values(flags).flatMap(({ short = [] }) => short)
  const letter = letters.find(letter => letter.toLowerCase() === flag.slice(1).toLowerCase())
  return letter && `-${letter}`
}

/**
 * Returns the argument as an http or https URL. Undefined if it is not such a URL, or if it contains a user name or a password.
 */
export function parseUrl (address: string): URL | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined
  return url === undefined || !/^https?:$/.test(url.protocol) || url.username || url.password ? undefined : url
}

/**
 * Returns the header fields of the `name: value` lines.
 *
 * @param option the name of the option, for the message of the error
 * @param hint text that is added to the message of the error
 * @throws {UsageError} if a line is invalid
 */
export function parseHeaders (lines: string[] = [], option = '--header', hint = ''): Headers {
  const headers = new Headers()
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^:]*):(.*)$/s.exec(line) ?? []
    try {
      headers.append(name, value)
    } catch {
      // Do not pass on the error of Headers: it quotes the value, which can be a secret.
      throw new UsageError(`${option} must be 'name: value'${hint}`)
    }
  }
  return headers
}
