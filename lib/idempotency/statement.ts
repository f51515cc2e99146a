import type { Statement } from './store.js'

/** A value of a statement. */
export type Value = Statement['values'][number]

/** A tag of template literals. Each value becomes a parameter. */
export type StatementTag = (parts: TemplateStringsArray, ...values: Value[]) => Statement

/** The text of a statement with placeholders, and their values. */
export interface ParameterizedQuery {
  readonly text: string
  readonly values: Value[]
}

/** Creates a statement from a template literal. Each value becomes a parameter. */
export const statement: StatementTag = (parts, ...values) => ({ parts, values })

/**
 * Undoes a transaction, before another one begins in its place. A store can compare each statement with it, to know when the
 * handler must not use its transaction any more.
 */
export const ROLLBACK = statement`rollback`

/** Creates a statement without values. */
export function rawStatement (text: string): Statement {
  return { parts: toParts([text]), values: [] }
}

/** Returns a tag that also replaces each `{word}` of the text. Use words for what cannot be a parameter, such as a table name. */
export function createTag (words: Readonly<Record<string, string>>): StatementTag {
  // A template literal has the same parts each time.
  const replaced = new WeakMap<TemplateStringsArray, TemplateStringsArray>()

  function replaceWords (parts: TemplateStringsArray): TemplateStringsArray {
    const result = toParts(parts.map(part => part.replace(/\{(\w+)\}/g, (_match, word: string) => words[word])))
    replaced.set(parts, result)
    return result
  }

  return (parts, ...values) => ({ parts: replaced.get(parts) ?? replaceWords(parts), values })
}

/** Joins statements into one statement. */
export function joinStatements (statements: readonly Statement[], separator: string): Statement {
  const parts = ['']
  const values: Value[] = []
  for (const [index, statement] of statements.entries()) {
    parts[parts.length - 1] += (index === 0 ? '' : separator) + statement.parts[0]
    parts.push(...statement.parts.slice(1))
    values.push(...statement.values)
  }
  return { parts: toParts(parts), values }
}

/** Returns a statement with the placeholders `$1`, `$2`, … */
export function toNumbered ({ parts, values }: Statement): ParameterizedQuery {
  let text = parts[0]
  for (let index = 1; index < parts.length; index++) text += `$${index}${parts[index]}`
  return { text, values: [...values] }
}

/** Returns a statement with the placeholders `?`. */
export function toQuestionMarks ({ parts, values }: Statement): ParameterizedQuery {
  return { text: parts.join('?'), values: [...values] }
}

/**
 * Returns the text of a statement for PostgreSQL, with literals instead of
 * parameters, so that several statements can be one query.
 */
export function withLiterals ({ parts, values }: Statement): string {
  let text = parts[0]
  for (let index = 1; index < parts.length; index++) text += toLiteral(values[index - 1]) + parts[index]
  return text
}

/**
 * Returns the text of a numbered query for PostgreSQL, with literals instead of
 * parameters. The text must not contain `$` for another reason.
 */
export function toLiterals ({ text, values }: { readonly text: string, readonly values: readonly unknown[] }): string {
  return text.replace(/\$(\d+)/g, (_match, number: string) => toLiteral(values[Number(number) - 1] as Value))
}

// Texts are sent as hexadecimal digits, so nothing that came from a request is ever quoted.
function toLiteral (value: Value): string {
  if (value === null) return 'null'
  if (typeof value === 'string') return `convert_from(${toLiteral(Buffer.from(value))}, 'UTF8')`
  return Buffer.isBuffer(value) ? `decode('${value.toString('hex')}', 'hex')` : `'${value}'`
}

// Drizzle and Kysely expect a template literal, which has the property `raw`.
function toParts (parts: readonly string[]): TemplateStringsArray {
  return Object.assign([...parts], { raw: parts })
}
