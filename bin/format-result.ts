import { STATUS_CODES } from 'node:http'
import { styleText } from 'node:util'
import type { Outcome, Result } from '../client/index.js'
import { CONTROL_CHARACTERS, escapeControls } from '../lib/control-characters.js'
import { toReasonPhrase } from '../lib/reason-phrase.js'
import type { Answer } from './client-arguments.js'

const COLORS = { success: 'green', rejected: 'red', unknown: 'yellow' } as const satisfies Record<Outcome, string>

/** Returns the outcome as text for a terminal, without control characters from the server. */
export function formatTitle (result: Result, color: boolean): string {
  const { outcome, status, replayed } = result
  const title = `${outcome}${status === undefined ? '' : ` ${status}`}${replayed ? ' (replayed)' : ''}`
  const lines = [color ? styleText(COLORS[outcome], title, { validateStream: false }) : title]
  if (result.outcome !== 'success') {
    lines.push(toOneLine(result.reason))
    if (result.retryAfter !== undefined) lines.push(`Retry after ${result.retryAfter} s`)
    if (result.requestId !== undefined) lines.push(`Request ${toOneLine(result.requestId)}`)
  }
  return lines.join('\n')
}

/** Returns a body as text for a terminal, without control characters from the server. */
export function formatBody (body: unknown): string {
  if (body instanceof Uint8Array) return `(${body.length} bytes)`
  return withoutControls(typeof body === 'string' ? body : JSON.stringify(body, null, 2)).trimEnd()
}

/** Returns the outcome as `name: value` lines that a program can parse. */
export function formatNotes (result: Result): string {
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
  return `${lines.join('\n')}\n`
}

/** Returns the status line, the header fields and the empty line after them. Returns an empty string if there was no response. */
export function formatHead ({ result, getPhrase }: Answer): string {
  const { status, headers } = result
  if (status === undefined || headers === undefined) return ''
  const phrase = getPhrase(headers) ?? recallPhrase(result, status)
  // HTTP/2 has no reason phrase.
  const statusLine = phrase === '' ? `HTTP/2 ${status}` : `HTTP/1.1 ${status} ${phrase}`
  return [statusLine, ...Array.from(headers, ([name, value]) => `${name}: ${value}`), '', ''].join('\r\n')
}

/**
 * Returns the reason phrase of a recorded response. The service does not record it, because it follows from the status code and
 * the reason.
 */
function recallPhrase (result: Result, status: number): string {
  return result.outcome === 'success' ? STATUS_CODES[status] ?? 'OK' : toReasonPhrase(result.reason)
}

/**
 * Returns a result as one line of JSON, with a body of bytes as base64.
 *
 * @param include whether to add the header fields. They are not added by default, because a cookie in them is a secret.
 */
export function formatJson (result: Result, include = false): string {
  const { cause, headers, ...printed } = { cause: undefined, ...result }
  const fields = include && headers !== undefined ? { headers: toObject(headers) } : {}
  const text = JSON.stringify({ ...printed, ...fields }, (key, value) => key === 'body' && value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value)
  // JSON.stringify leaves some characters that control a terminal unescaped.
  return `${escapeControls(text)}\n`
}

function toObject (headers: Headers): Record<string, string | string[]> {
  const cookies = headers.getSetCookie()
  return { ...Object.fromEntries(headers), ...cookies.length > 0 && { 'set-cookie': cookies } }
}

/** Returns a text as one line, without control characters. */
export function toOneLine (text: string): string {
  return text.replace(CONTROL_CHARACTERS, ' ').trim()
}

/** Returns a text without control characters, except line breaks and tabs. */
export function withoutControls (text: string): string {
  return text.replace(CONTROL_CHARACTERS, character => character === '\n' || character === '\t' ? character : '')
}
