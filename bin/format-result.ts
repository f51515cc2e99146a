import { styleText } from 'node:util'
import type { Outcome, Result } from '../client/index.js'
import { CONTROL_CHARACTERS, escapeControls } from '../lib/control-characters.js'

const COLORS = { success: 'green', rejected: 'red', unknown: 'yellow' } as const satisfies Record<Outcome, string>

/** Returns a result as text for a terminal. Removes control characters that the server sent. */
export function formatForTerminal (result: Result, color: boolean): string {
  const { outcome, status, replayed } = result
  const title = `${outcome}${status === undefined ? '' : ` ${status}`}${replayed ? ' (replayed)' : ''}`
  const lines = [color ? styleText(COLORS[outcome], title, { validateStream: false }) : title]
  if (result.outcome !== 'success') {
    lines.push(toOneLine(result.reason))
    if (result.retryAfter !== undefined) lines.push(`Retry after ${result.retryAfter} s`)
    if (result.requestId !== undefined) lines.push(`Request ${toOneLine(result.requestId)}`)
  } else if (result.body !== undefined) {
    lines.push('', formatBody(result.body))
  }
  return `${lines.join('\n')}\n`
}

/** Returns a result as lines for a program. The body follows an empty line: JSON on one line, anything else unchanged. */
export function formatLines (result: Result): Uint8Array {
  const { outcome, status, idempotencyKey, attempts, replayed } = result
  const lines = [`outcome: ${outcome}`]
  if (status !== undefined) lines.push(`status: ${status}`)
  if (result.outcome !== 'success') {
    lines.push(`reason: ${toOneLine(result.reason)}`)
    if (result.retryAfter !== undefined) lines.push(`retry-after: ${result.retryAfter}`)
    if (result.requestId !== undefined) lines.push(`request-id: ${toOneLine(result.requestId)}`)
  }
  for (const [name, value] of Object.entries({ 'idempotency-key': idempotencyKey, attempts, replayed })) {
    if (value !== undefined) lines.push(`${name}: ${value}`)
  }
  const head = Buffer.from(`${lines.join('\n')}\n`)
  return result.outcome === 'success' && result.body !== undefined ? Buffer.concat([head, Buffer.from('\n'), toBytes(result.body)]) : head
}

/** Returns a result as one line of JSON, bytes as base64. Leaves out the header fields, because a cookie is a secret. */
export function formatJson (result: Result): string {
  const { cause, headers, ...printed } = { cause: undefined, ...result }
  const text = JSON.stringify(printed, (key, value) => key === 'body' && value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value)
  // JSON.stringify does not escape all characters that control a terminal.
  return `${escapeControls(text)}\n`
}

/** Returns a text on one line, without control characters. */
export function toOneLine (text: string): string {
  return text.replace(CONTROL_CHARACTERS, ' ').trim()
}

function formatBody (body: unknown): string {
  if (body instanceof Uint8Array) return `(${body.length} bytes)`
  const text = typeof body === 'string' ? body : JSON.stringify(body, null, 2)
  return text.replace(CONTROL_CHARACTERS, character => character === '\n' || character === '\t' ? character : '').trimEnd()
}

function toBytes (body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return body
  return Buffer.from(typeof body === 'string' ? body : `${JSON.stringify(body)}\n`)
}
