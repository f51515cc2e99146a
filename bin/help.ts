import type { Flags } from './flags.js'

/** The parts of the help text of a command. */
export interface Help {
  /** The name of the command, and its arguments. */
  readonly synopsis: string
  /** The description of the command. */
  readonly purpose: string
  /** Commands to copy, without the name of the program. A line break becomes a continuation line. */
  readonly examples: readonly string[]
  readonly flags: Flags
  /** Further paragraphs. */
  readonly notes: readonly string[]
}

const WIDTH = 80
const FLAG_WIDTH = 30
const PROGRAM = 'fastify-reason-phrase'

/** Returns the text that `--help` prints. No line has more than 80 characters. */
export function formatHelp ({ synopsis, purpose, examples, flags, notes }: Help): string {
  return [
    `Usage: ${PROGRAM} ${synopsis} [options]`,
    purpose,
    `Examples:\n${examples.map(formatExample).join('\n')}`,
    `Options:\n${Object.entries(flags).map(([name, flag]) => formatFlag(name, flag)).join('\n')}`,
    ...notes
  ].join('\n\n') + '\n'
}

function formatExample (command: string): string {
  return `  npx ${PROGRAM} ${command.replaceAll('\n', ' \\\n    ')}`
}

function formatFlag (name: string, { short, value, text }: Flags[string]): string {
  const names = `  ${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`
  const lines = wrap(text, WIDTH - FLAG_WIDTH)
  const [first, ...rest] = names.length + 2 > FLAG_WIDTH ? ['', ...lines] : lines
  return [`${names.padEnd(FLAG_WIDTH)}${first}`.trimEnd(), ...rest.map(line => ' '.repeat(FLAG_WIDTH) + line)].join('\n')
}

/** Returns a text as lines of at most this many characters, broken at spaces. */
function wrap (text: string, width: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!
    if (line === '') lines[lines.length - 1] = word
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}
