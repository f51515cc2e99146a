import { STATUS_CODES } from 'node:http'
import { createFieldSigner, type Key } from '../client/signer.js'
import { MAX_TIMEOUT_MS } from '../client/timeout.js'
import { detectProtocols, UnreachableError } from '../conformance/exchange/protocols.js'
import type { HeadersHook, RequestOptions } from '../conformance/exchange/request.js'
import { createIdempotencyProbes, type IdempotencyOptions, type IdempotentRequest } from '../conformance/probes/idempotency.js'
import { selectProbes, type Selection } from '../conformance/probes/select.js'
import { runProbes, type ProbeResult } from '../conformance/run-probes.js'
import type { Target } from '../conformance/target.js'
import { Contract } from '../lib/contract.js'
import { parseArguments, parseHeaders, type Values } from './arguments.js'
import { formatJson, formatTable, formatTap, type FormatReport } from './check-report.js'
import { PROGRAM_PREFIX, UsageError, writeAll, type Command, type Environment, type Streams } from './command.js'
import { isStdin, readData, resolveMediaType } from './data.js'
import { parseDuration } from './duration.js'
import { BODY_FLAGS, COMMON_FLAGS, KEY_HELP, OUTCOMES_FLAG, REASON_HEADER_FLAG, REQUEST_FLAGS } from './flags.js'
import { formatHelp } from './help.js'
import { createMask, type Mask } from './mask.js'
import { readKey, readKeyArgument } from './key.js'

const EXIT_CONFORMS = 0
const EXIT_FAILED = 1
const EXIT_UNREACHABLE = 2

const FLAGS = {
  request: { type: 'string', multiple: true, value: 'REQUEST', text: "a request that gets a 2xx, such as 'GET /v2/topic' or 'POST /v2/topic {\"name\":\"a\"}'; can be repeated (GET of the URL)" },
  'allow-unsuccessful': { type: 'boolean', text: 'accept any response to the requests that you declare, not only a 2xx' },
  key: { ...REQUEST_FLAGS.key, text: 'sign each well-formed request with a key' },
  header: { ...REQUEST_FLAGS.header, text: 'send a header field with each well-formed request; can be repeated' },
  ...REASON_HEADER_FLAG,
  status: { type: 'string', multiple: true, value: 'CODE', text: 'a status code that extends the table; can be repeated' },
  idempotent: { type: 'string', multiple: true, value: 'REQUEST', text: 'a request, as for --request, that the server executes once for each Idempotency-Key; can be repeated. Each {{uuid}} in it becomes a new UUID for each operation, and stays the same in its retries' },
  data: { ...BODY_FLAGS.data, text: 'the body for the requests of --idempotent and --failing that have no body; @FILE sends a file, @- sends standard input' },
  'key-required': { type: 'boolean', text: 'the server must reject the requests of --idempotent without an Idempotency-Key' },
  failing: { type: 'string', value: 'REQUEST', text: 'a request with an Idempotency-Key that gets a 5xx' },
  'other-key': { type: 'string', value: 'KEY', text: 'the key of another caller, who can send the requests of --idempotent' },
  'other-header': { type: 'string', multiple: true, value: "'NAME: VALUE'", text: 'a header field of the other caller, which replaces the same field of --header; can be repeated' },
  ...OUTCOMES_FLAG,
  only: { type: 'string', multiple: true, value: 'ID', text: 'send only the probes whose id starts with ID; can be repeated' },
  skip: { type: 'string', multiple: true, value: 'ID', text: 'do not send the probes whose id starts with ID; can be repeated' },
  slow: { type: 'boolean', text: 'also send the probes that wait for timeouts of the server; this takes minutes' },
  concurrency: { type: 'string', default: '8', value: 'N', text: 'how many probes to send at a time (8)' },
  timeout: { type: 'string', default: '5s', value: 'DURATION', text: 'the maximum duration of one exchange, such as 500ms or 5s; without a unit, in milliseconds (5s)' },
  insecure: { type: 'boolean', short: 'k', text: 'do not verify the certificate' },
  json: { type: 'boolean', text: 'print the results as JSON' },
  tap: { type: 'boolean', text: 'print the results as TAP' },
  ...COMMON_FLAGS
} as const

type CheckValues = Values<typeof FLAGS>

// The fields that determine the length of a message, and the fields that probes set themselves.
const RESERVED_FIELDS = ['connection', 'content-length', 'expect', 'host', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade']

interface CheckOptions {
  target: Target
  idempotency: IdempotencyOptions
  selection: Selection
  concurrency: number
  formatReport: FormatReport
  mask: Mask
}

/** `fastify-reason-phrase check`: checks the responses of a running server. */
export const check: Command = {
  summary: 'checks a running server, in any language',
  flags: FLAGS,
  usage: formatHelp({
    synopsis: 'check URL',
    purpose: `Sends well-formed and malformed requests to a running server, and checks the
responses against the contract, docs/contract.md of this package. Declare
requests that get a 2xx. If one of them fails, it tests nothing, so the check
fails too.`,
    examples: [
      "check http://127.0.0.1:3000 --key keys.json\n--request 'GET /v2/topic'",
      "check http://127.0.0.1:3000\n--header \"Authorization: Bearer $TOKEN\"\n--request 'GET /order' --request 'POST /order {\"item\":\"book\"}'"
    ],
    flags: FLAGS,
    notes: [KEY_HELP, `Reports do not show the values of --header and --other-header, because they can
be secret.`, `Exit code: 0 the server conforms; 1 it does not, or it could not be tested; 2 it
is unreachable; 64 invalid arguments.`]
  }),
  async run (args, streams, env) {
    try {
      return await runCheck(await readOptions(args, streams, env), streams)
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error
      await writeAll(streams.stderr, `${error.message}\n`)
      return EXIT_UNREACHABLE
    }
  }
}

/**
 * Returns the options that the arguments set.
 *
 * @throws {UsageError} if an argument is invalid
 */
async function readOptions (args: string[], streams: Streams, env: Environment): Promise<CheckOptions> {
  const { values, positionals } = parseArguments(args, FLAGS)
  try {
    return await parseOptions(values, positionals, streams, env)
  } catch (error) {
    // Contract, selectProbes and createFieldSigner throw TypeErrors for invalid arguments. Report these like a UsageError.
    if (!(error instanceof TypeError)) throw error
    throw new UsageError(error.message.replace(PROGRAM_PREFIX, ''))
  }
}

async function parseOptions (values: CheckValues, positionals: string[], streams: Streams, env: Environment): Promise<CheckOptions> {
  if (positionals.length !== 1) throw new TypeError('check takes one URL, such as http://127.0.0.1:3000')
  if (values.json && values.tap) throw new TypeError('--json and --tap cannot be combined')
  const url = parseUrl(positionals[0]!)
  const scheme = url.protocol === 'https:' ? 'https' : 'http'
  const base = url.pathname.replace(/\/$/, '')
  checkIdempotencyArguments(values)
  const fields = parseFields(values.header, '--header')
  const otherFields = parseFields(values['other-header'], '--other-header')
  const key = await readKey(values.key, streams, env)
  const otherKey = values['other-key'] === undefined ? undefined : await readKeyArgument(values['other-key'], '--other-key', streams)
  const mediaType = fields.get('content-type')
  const data = await readBody(values.data, mediaType, streams)
  const parseKeyed = (option: string, text: string): RequestOptions => addBody(parseRequest(option, text, mediaType), data)
  const failing = values.failing === undefined ? undefined : parseKeyed('failing', values.failing)
  const hasOther = otherKey !== undefined || values['other-header'] !== undefined
  const idempotency: IdempotencyOptions = {
    idempotent: values.idempotent?.map((text): IdempotentRequest => ({ ...parseKeyed('idempotent', text), required: values['key-required'], failing })),
    outcomes: values.outcomes === undefined ? undefined : parseOutcomes(values.outcomes),
    otherHeaders: hasOther ? createHook(override(fields, otherFields), otherKey ?? key) : undefined
  }
  const target: Target = {
    scheme,
    authority: url.host,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || (scheme === 'https' ? 443 : 80)),
    base,
    tls: { rejectUnauthorized: !values.insecure },
    contract: new Contract({ header: values['reason-header'], statusCodes: Object.fromEntries((values.status ?? []).map(parseStatus)) }),
    requests: values.request?.map(text => parseRequest('request', text, mediaType)) ?? [{ url: `${base}/` }],
    headers: createHook(fields, key),
    timeout: parseTimeout(values.timeout),
    coverage: { areDeclared: values.request !== undefined, allowUnsuccessful: values['allow-unsuccessful'] === true }
  }
  // Throw for an unknown probe before anything is sent.
  selectProbes(target, [], createIdempotencyProbes(idempotency, 'http/1.1'), values)
  const formatReport = values.json ? formatJson : values.tap ? formatTap : formatTable
  const mask = createMask([...fields, ...otherFields])
  return { target, idempotency, selection: values, concurrency: parseNumber('concurrency', values.concurrency), formatReport, mask }
}

async function runCheck ({ target, idempotency, selection, concurrency, formatReport, mask }: CheckOptions, { stdout, stderr }: Streams): Promise<number> {
  if (!isLoopback(target.host)) {
    await writeAll(stderr, `${PROGRAM_PREFIX}${target.host} is not this machine. check sends malformed requests: get the permission of its operator first\n`)
  }
  const protocols = await detectProtocols(target)
  const probes = selectProbes(target, protocols, createIdempotencyProbes(idempotency, protocols[0]!), selection)
  const results: ProbeResult[] = []
  for await (const result of runProbes(target, probes, concurrency)) {
    results.push(mask(result))
    if (stderr.isTTY) await writeAll(stderr, `\r${Math.min(results.length, probes.length)} of ${probes.length} probes`)
  }
  if (stderr.isTTY) await writeAll(stderr, '\r\x1b[K')
  await writeAll(stdout, formatReport(`${target.scheme}://${target.authority}${target.base}`, protocols, results))
  return results.every(({ violations }) => violations.length === 0) ? EXIT_CONFORMS : EXIT_FAILED
}

/**
 * Returns a hook that adds header fields, and signs the request. It also signs request targets that fetch cannot send. A field
 * of the probe overrides a field of the arguments, because the probe tests the effect of this field.
 */
function createHook (fields: Headers, key: Key | undefined): HeadersHook {
  const sign = key && createFieldSigner(key, { components: ['content-type'] })
  const given = Array.from(fields).filter(([name]) => name !== 'content-type')
  return async ({ headers, body, ...request }) => {
    const added = Object.fromEntries(given.filter(([name]) => headers[name] === undefined))
    const all = { ...headers, ...added }
    return { ...added, ...await sign?.({ ...request, field: name => all[name] }, body as Uint8Array<ArrayBuffer>) }
  }
}

/** Returns the fields of both lists. If both contain a field, the second list is used. */
function override (fields: Headers, others: Headers): Headers {
  const all = new Headers(fields)
  for (const [name, value] of others) all.set(name, value)
  return all
}

/**
 * Returns the header fields of an option.
 *
 * @throws {UsageError} if a field is malformed, or if the probes set it
 */
function parseFields (lines: string[] | undefined, option: string): Headers {
  const fields = parseHeaders(lines, option, option === '--header' ? '; --reason-header names the field that carries the reason' : '')
  const reserved = RESERVED_FIELDS.find(name => fields.has(name))
  if (reserved !== undefined) throw new UsageError(`${option} cannot set ${reserved}, because the probes set it`)
  return fields
}

function parseUrl (text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw new TypeError('check takes an http or https URL, such as http://127.0.0.1:3000')
  if (url.username !== '' || url.password !== '') throw new TypeError('the URL must not have a user or a password')
  if (url.search !== '' || url.hash !== '') throw new TypeError('the URL must not have a query or a fragment; use --request for requests')
  return url
}

function parseStatus (text: string): [string, string] {
  return [text, STATUS_CODES[text] ?? 'Added']
}

/** Throws for options that have no effect without `--idempotent`, and for two options that both read standard input. */
function checkIdempotencyArguments (values: CheckValues): void {
  const unused = (['data', 'key-required', 'failing', 'other-key', 'other-header', 'outcomes'] as const).find(name => values[name] !== undefined)
  if (values.idempotent === undefined && unused !== undefined) throw new TypeError(`--${unused} needs --idempotent`)
  const readers = [
    ...(['key', 'other-key'] as const).filter(name => values[name] === '-').map(name => `--${name} -`),
    ...(values.data ?? []).filter(isStdin).map(argument => `--data ${argument}`)
  ]
  if (readers.length > 1) throw new TypeError(`${readers.join(' and ')} cannot both read standard input`)
}

function parseOutcomes (path: string): string {
  if (!/^\/[!-~]+$/.test(path) || path.endsWith('/')) throw new TypeError('--outcomes must be a path such as /v2/operation')
  return path
}

/** Returns the body that `--data` gives, and its media type. Undefined without `--data`. */
async function readBody (data: string[] | undefined, mediaType: string | null, { stdin }: Streams): Promise<Pick<RequestOptions, 'body' | 'headers'> | undefined> {
  const [argument, ...more] = data ?? []
  if (argument === undefined) return undefined
  if (more.length > 0) throw new UsageError('--data can be given only once')
  const body = await readData(argument, stdin)
  return withMediaType(body, mediaType, '--data')
}

function withMediaType (body: Uint8Array, given: string | null, source: string): Pick<RequestOptions, 'body' | 'headers'> {
  const mediaType = resolveMediaType(body, given, source)
  return mediaType === undefined ? { body } : { body, headers: { 'content-type': mediaType } }
}

/** Returns a request with the body of `--data`, unless the request has its own body. */
function addBody (request: RequestOptions, data: Pick<RequestOptions, 'body' | 'headers'> | undefined): RequestOptions {
  return request.body === undefined ? { ...request, ...data } : request
}

function parseRequest (option: string, text: string, mediaType: string | null): RequestOptions {
  const [, method, url, body] = /^([A-Z]+) (\/[!-~]*)(?: (.+))?$/s.exec(text) ?? []
  if (url === undefined) throw new TypeError(`--${option} must be like 'GET /path' or 'POST /path {"a":1}'`)
  return body === undefined ? { method, url } : { method, url, ...withMediaType(Buffer.from(body), mediaType, `The body of --${option}`) }
}

function parseTimeout (text: string): number {
  const timeout = parseDuration(text, 'ms')
  if (!(timeout >= 1 && timeout <= MAX_TIMEOUT_MS)) throw new TypeError('--timeout must be a duration from 1ms to 596h, such as 500ms or 5s')
  return timeout
}

function parseNumber (name: string, text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new TypeError(`--${name} must be a positive integer`)
  return Number(text)
}

function isLoopback (host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127(?:\.\d+){3}$/.test(host)
}
