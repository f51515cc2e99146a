import { styleText } from 'node:util'
import type { Outcome, Result } from '../client/index.js'
import { CONTROL } from '../lib/one-line.js'

const COLORS = { success: 'green', rejected: 'red', unknown: 'yellow' } as const satisfies Record<Outcome, string>

/** A result for a person at a terminal. Whatever a server sends, it steers nothing there. */
export function readable (result: Result, color: boolean): string {
  const { outcome, status } = result
  const title = status === undefined ? outcome : `${outcome} ${status}`
  const lines = [color ? styleText(COLORS[outcome], title, { validateStream: false }) : title]
  if (result.outcome !== 'success') {
    lines.push(oneLine(result.reason))
    if (result.retryAfter !== undefined) lines.push(`Retry after ${result.retryAfter} s`)
  } else if (result.body !== undefined) {
    lines.push('', shown(result.body))
  }
  return `${lines.join('\n')}\n`
}

/** A result for a program that reads lines: after an empty one the body as it came, but for JSON, which is in one line. */
export function plain (result: Result): Uint8Array {
  const { outcome, status } = result
  const lines = [`outcome: ${outcome}`]
  if (status !== undefined) lines.push(`status: ${status}`)
  if (result.outcome !== 'success') {
    lines.push(`reason: ${oneLine(result.reason)}`)
    if (result.retryAfter !== undefined) lines.push(`retry-after: ${result.retryAfter}`)
  } else if (result.body !== undefined) {
    return Buffer.concat([Buffer.from(`${lines.join('\n')}\n\n`), bytesOf(result.body)])
  }
  return Buffer.from(`${lines.join('\n')}\n`)
}

/** A result as JSON in one line, bytes as base64. Header fields are left out, since a cookie among them is a secret. */
export function json (result: Result): string {
  const { cause, headers, ...told } = { cause: undefined, ...result }
  const text = JSON.stringify(told, (key, value) => key === 'body' && value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value)
  // JSON escapes but some of what a terminal minds.
  return `${text.replace(CONTROL, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`
}

function oneLine (text: string): string {
  return text.replace(CONTROL, ' ').trim()
}

function shown (body: unknown): string {
  if (body instanceof Uint8Array) return `(${body.length} bytes)`
  const text = typeof body === 'string' ? body : JSON.stringify(body, null, 2)
  return text.replace(CONTROL, character => character === '\n' || character === '\t' ? character : '').trimEnd()
}

function bytesOf (body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return body
  return Buffer.from(typeof body === 'string' ? body : `${JSON.stringify(body)}\n`)
}
