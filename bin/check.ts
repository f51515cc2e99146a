import { STATUS_CODES } from 'node:http'
import { parseArgs } from 'node:util'
import { createFieldSigner, type Key } from '../client/signer.js'
import { detectProtocols, UnreachableError } from '../conformance/exchange/protocols.js'
import type { HeadersHook, RequestOptions } from '../conformance/exchange/request.js'
import { createIdempotencyProbes, type IdempotencyOptions, type IdempotentRequest } from '../conformance/probes/idempotency.js'
import { selectProbes, type Selection } from '../conformance/probes/select.js'
import { runProbes, type ProbeResult } from '../conformance/run-probes.js'
import type { Target } from '../conformance/target.js'
import { Contract } from '../lib/contract.js'
import { formatJson, formatTable, formatTap, type FormatReport } from './check-report.js'
import { PROGRAM_PREFIX, UsageError, writeAll, type Command, type Environment, type Streams } from './command.js'
import { detectMediaType, readData } from './data.js'
import { formatKeyUsage, readKey, readKeyArgument } from './key.js'

const EXIT_CONFORMS = 0
const EXIT_VIOLATIONS = 1
const EXIT_UNREACHABLE = 2

const usage = `Usage: fastify-reason-phrase check [options] <url>

Sends well-formed and malformed requests to a running server, and checks the
responses by the contract. It is in docs/contract.md of this package.

  --header <name>       the header that carries the message (EB-REASON-PHRASE)
  --status <code>       a status code that extends the table; can be repeated
  --request <request>   a request that the server responds to, such as
                        'GET /v2/topic' or 'POST /v2/topic {"name":"a"}'; can be
                        repeated (GET of the URL)
  --key <key>           sign each well-formed request with a key; <key> is one of
${formatKeyUsage(22)}
  --idempotent <request>
                        a request, as for --request, that the server executes
                        once for each Idempotency-Key; can be repeated. Each
                        {{uuid}} in it is replaced by a new UUID for each
                        operation, and is the same in its repetitions
  --data <body>         the body of the requests of --idempotent and --failing
                        that have none: text, @file, or - for standard input
  --key-required        the requests of --idempotent need an Idempotency-Key
  --failing <request>   a request with an Idempotency-Key that gets a 5xx
  --other-key <key>     the key of another caller, as for --key, who can send the
                        requests of --idempotent
  --outcomes <path>     where the server tells the outcome of an Idempotency-Key
                        (/v2/operation)
  --only, --skip <id>   send only, or do not send, the probes whose id starts with
                        this; can be repeated
  --slow                also send the probes that wait for timeouts of the server;
                        this takes minutes
  --concurrency <n>     how many probes to send at a time (8)
  --timeout <ms>        the most milliseconds for one exchange (5000)
  --insecure            do not verify the certificate
  --json, --tap         print the results as JSON or TAP
  --help                print this help

Exit codes: 0 the server conforms, 1 it does not, 2 it is unreachable,
64 invalid arguments.
`

const OPTIONS = {
  header: { type: 'string' },
  status: { type: 'string', multiple: true },
  request: { type: 'string', multiple: true },
  key: { type: 'string' },
  idempotent: { type: 'string', multiple: true },
  data: { type: 'string' },
  'key-required': { type: 'boolean' },
  failing: { type: 'string' },
  'other-key': { type: 'string' },
  outcomes: { type: 'string' },
  only: { type: 'string', multiple: true },
  skip: { type: 'string', multiple: true },
  slow: { type: 'boolean' },
  concurrency: { type: 'string', default: '8' },
  timeout: { type: 'string', default: '5000' },
  insecure: { type: 'boolean' },
  json: { type: 'boolean' },
  tap: { type: 'boolean' }
} as const

interface CheckOptions {
  target: Target
  idempotency: IdempotencyOptions
  selection: Selection
  concurrency: number
  formatReport: FormatReport
}

/** `fastify-reason-phrase check`: checks the responses of a running server. */
export const check: Command = {
  summary: 'checks a running server, in any language',
  usage,
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
  try {
    return await parseOptions(args, streams, env)
  } catch (error) {
    // parseArgs, Contract, selectProbes and createFieldSigner throw TypeErrors, too.
    if (!(error instanceof TypeError)) throw error
    throw new UsageError(error.message.replace(PROGRAM_PREFIX, ''))
  }
}

async function parseOptions (args: string[], streams: Streams, env: Environment): Promise<CheckOptions> {
  const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true })
  if (positionals.length !== 1) throw new TypeError('check takes one URL, such as http://127.0.0.1:3000')
  if (values.json && values.tap) throw new TypeError('--json and --tap cannot be combined')
  const url = parseUrl(positionals[0]!)
  const scheme = url.protocol === 'https:' ? 'https' : 'http'
  const base = url.pathname.replace(/\/$/, '')
  checkIdempotencyArguments(values)
  const key = await readKey(values.key, streams, env)
  const otherKey = values['other-key'] === undefined ? undefined : await readKeyArgument(values['other-key'], '--other-key', streams)
  const data = values.data === undefined ? undefined : await readData(values.data, streams.stdin)
  const parseKeyed = (option: string, text: string): RequestOptions => addBody(parseRequest(option, text), data)
  const failing = values.failing === undefined ? undefined : parseKeyed('failing', values.failing)
  const idempotency: IdempotencyOptions = {
    idempotent: values.idempotent?.map((text): IdempotentRequest => ({ ...parseKeyed('idempotent', text), required: values['key-required'], failing })),
    outcomes: values.outcomes === undefined ? undefined : parseOutcomes(values.outcomes),
    otherHeaders: otherKey && createSigningHook(otherKey)
  }
  const target: Target = {
    scheme,
    authority: url.host,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || (scheme === 'https' ? 443 : 80)),
    base,
    tls: { rejectUnauthorized: !values.insecure },
    contract: new Contract({ header: values.header, statusCodes: Object.fromEntries((values.status ?? []).map(parseStatus)) }),
    requests: values.request?.map(text => parseRequest('request', text)) ?? [{ url: `${base}/` }],
    headers: key && createSigningHook(key),
    timeout: parseNumber('timeout', values.timeout)
  }
  // Throws for an unknown probe before anything is sent.
  selectProbes(target, [], createIdempotencyProbes(idempotency, 'http/1.1'), values)
  const formatReport = values.json ? formatJson : values.tap ? formatTap : formatTable
  return { target, idempotency, selection: values, concurrency: parseNumber('concurrency', values.concurrency), formatReport }
}

async function runCheck ({ target, idempotency, selection, concurrency, formatReport }: CheckOptions, { stdout, stderr }: Streams): Promise<number> {
  if (!isLoopback(target.host)) {
    stderr.write(`${PROGRAM_PREFIX}${target.host} is not this machine. check sends malformed requests: get the permission of its operator first\n`)
  }
  const protocols = await detectProtocols(target)
  const probes = selectProbes(target, protocols, createIdempotencyProbes(idempotency, protocols[0]!), selection)
  const results: ProbeResult[] = []
  for await (const result of runProbes(target, probes, concurrency)) {
    results.push(result)
    if (stderr.isTTY) stderr.write(`\r${results.length} of ${probes.length} probes`)
  }
  if (stderr.isTTY) stderr.write('\r\x1b[K')
  await writeAll(stdout, formatReport(`${target.scheme}://${target.authority}${target.base}`, protocols, results))
  return results.every(({ violations }) => violations.length === 0) ? EXIT_CONFORMS : EXIT_VIOLATIONS
}

/** Returns a hook that signs requests. It also signs request targets that fetch cannot send. */
function createSigningHook (key: Key): HeadersHook {
  const sign = createFieldSigner(key, { components: ['content-type'] })
  return ({ headers, body, ...request }) => sign({ ...request, field: name => headers[name] }, body as Uint8Array<ArrayBuffer>)
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

/** Reports options that have no effect without another one, and options that exclude each other. */
function checkIdempotencyArguments (values: Partial<Record<string, unknown>>): void {
  const unused = ['data', 'key-required', 'failing', 'other-key', 'outcomes'].find(name => values[name] !== undefined)
  if (values.idempotent === undefined && unused !== undefined) throw new TypeError(`--${unused} needs --idempotent`)
  const readers = ['key', 'other-key', 'data'].filter(name => values[name] === '-')
  if (readers.length > 1) throw new TypeError(`--${readers[0]} - and --${readers[1]} - cannot both read standard input`)
}

function parseOutcomes (path: string): string {
  if (!/^\/[!-~]+$/.test(path) || path.endsWith('/')) throw new TypeError('--outcomes must be a path such as /v2/operation')
  return path
}

/** Returns a request with the body of `--data`, unless it has a body. */
function addBody (request: RequestOptions, data: Uint8Array | undefined): RequestOptions {
  if (data === undefined || request.body !== undefined) return request
  return { ...request, body: data, headers: { 'content-type': detectMediaType(data) } }
}

function parseRequest (option: string, text: string): RequestOptions {
  const [, method, url, body] = /^([A-Z]+) (\/[!-~]*)(?: (.+))?$/s.exec(text) ?? []
  if (url === undefined) throw new TypeError(`--${option} must be like 'GET /path' or 'POST /path {"a":1}'`)
  if (body === undefined) return { method, url }
  return { method, url, body, headers: { 'content-type': 'application/json' } }
}

function parseNumber (name: string, text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new TypeError(`--${name} must be a positive integer`)
  return Number(text)
}

function isLoopback (host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127(?:\.\d+){3}$/.test(host)
}
