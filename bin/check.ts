import { STATUS_CODES } from 'node:http'
import { parseArgs } from 'node:util'
import { plan, protocolsOf, Unreachable, type Selection } from '../conformance/plan.js'
import { detailsOf, lineOf } from '../conformance/report.js'
import type { HeadersHook, RequestOptions } from '../conformance/request.js'
import { run, type Result } from '../conformance/run.js'
import type { Target } from '../conformance/target.js'
import { fieldSigner, type Key } from '../client/signer.js'
import { Contract } from '../lib/contract.js'
import { UsageError, write, type Command, type Environment, type Streams } from './command.js'
import { keyOf, keyUsage } from './key.js'

const CONFORMS = 0
const DOES_NOT = 1
const UNREACHABLE = 2

const usage = `Usage: fastify-reason-phrase check [options] <url>

Sends a running server what services are sent, malformed requests among it,
and judges its answers by the contract of responses.md.

  --header <name>       the header that carries the message (EB-REASON-PHRASE)
  --status <code>       a status code that extends the table; can be repeated
  --request <request>   one that the server answers, such as 'GET /v2/topic' or
                        'POST /v2/topic {"name":"a"}'; can be repeated (GET of the url)
  --key <key>           sign each well-formed request with a key; <key> is one of
${keyUsage(22)}
  --only, --skip <id>   only, or all but, the probes whose id begins so; can be repeated
  --slow                wait for the server's own timeouts, too: takes minutes
  --concurrency <n>     how many probes at a time (8)
  --timeout <ms>        the most time for an exchange (5000)
  --insecure            do not check the certificate
  --json, --tap         the results in a format for machines
  --help                this

Exit codes: 0 it conforms, 1 it does not, 2 it cannot be reached, 64 wrong use.
`

const OPTIONS = {
  header: { type: 'string' },
  status: { type: 'string', multiple: true },
  request: { type: 'string', multiple: true },
  key: { type: 'string' },
  only: { type: 'string', multiple: true },
  skip: { type: 'string', multiple: true },
  slow: { type: 'boolean' },
  concurrency: { type: 'string', default: '8' },
  timeout: { type: 'string', default: '5000' },
  insecure: { type: 'boolean' },
  json: { type: 'boolean' },
  tap: { type: 'boolean' }
} as const

/** What is to be checked, and how. */
interface Order {
  target: Target
  selection: Selection
  concurrency: number
  report: Report
}

/** `fastify-reason-phrase check`: what a running server answers, judged by the contract. */
export const check: Command = {
  summary: 'checks a running server, in whatever language it is written',
  usage,
  async run (args, streams, env) {
    try {
      return await carryOut(await orderOf(args, streams, env), streams)
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error
      await write(streams.stderr, `${error.message}\n`)
      return UNREACHABLE
    }
  }
}

/**
 * Reads the arguments.
 *
 * @throws {UsageError} for wrong use
 */
async function orderOf (args: string[], streams: Streams, env: Environment): Promise<Order> {
  try {
    return await read(args, streams, env)
  } catch (error) {
    // Of parseArgs, of the contract, of the plan and of the signer.
    if (!(error instanceof TypeError)) throw error
    throw new UsageError(error.message.replace('fastify-reason-phrase: ', ''))
  }
}

async function read (args: string[], streams: Streams, env: Environment): Promise<Order> {
  const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true })
  if (positionals.length !== 1) throw new TypeError('check takes one URL, such as http://127.0.0.1:3000')
  if (values.json && values.tap) throw new TypeError('--json and --tap exclude each other')
  const url = urlOf(positionals[0]!)
  const scheme = url.protocol === 'https:' ? 'https' : 'http'
  const base = url.pathname.replace(/\/$/, '')
  const key = await keyOf(values.key, streams, env)
  const target: Target = {
    scheme,
    authority: url.host,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || (scheme === 'https' ? 443 : 80)),
    base,
    tls: { rejectUnauthorized: !values.insecure },
    contract: new Contract({ header: values.header, statusCodes: Object.fromEntries((values.status ?? []).map(statusOf)) }),
    requests: values.request?.map(requestOf) ?? [{ url: `${base}/` }],
    headers: key && signed(key),
    timeout: numberOf('timeout', values.timeout)
  }
  // A name in the selection that is of no probe is said before anything is sent.
  plan(target, [], [], values)
  return { target, selection: values, concurrency: numberOf('concurrency', values.concurrency), report: values.json ? json : values.tap ? tap : table }
}

async function carryOut ({ target, selection, concurrency, report }: Order, { stdout, stderr }: Streams): Promise<number> {
  if (!isLoopback(target.host)) {
    stderr.write(`fastify-reason-phrase: ${target.host} is not this machine, and is sent malformed requests: have the leave of who runs it\n`)
  }
  const protocols = await protocolsOf(target)
  const probes = plan(target, protocols, [], selection)
  const results: Result[] = []
  for await (const result of run(target, probes, concurrency)) {
    results.push(result)
    if (stderr.isTTY) stderr.write(`\r${results.length} of ${probes.length} probes`)
  }
  if (stderr.isTTY) stderr.write('\r\x1b[K')
  await write(stdout, report(`${target.scheme}://${target.authority}${target.base}`, protocols, results))
  return results.every(({ violations }) => violations.length === 0) ? CONFORMS : DOES_NOT
}

/** Signs what is sent as it is, whatever its target. */
function signed (key: Key): HeadersHook {
  const sign = fieldSigner(key, { components: ['content-type'] })
  return ({ headers, body, ...request }) => sign({ ...request, field: name => headers[name] }, body as Uint8Array<ArrayBuffer>)
}

function urlOf (text: string): URL {
  if (!URL.canParse(text)) throw new TypeError('check takes a URL, such as http://127.0.0.1:3000')
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new TypeError('the URL must begin with http:// or https://')
  if (url.username !== '' || url.password !== '') throw new TypeError('the URL cannot have a user or a password')
  if (url.search !== '' || url.hash !== '') throw new TypeError('the URL cannot have a query or a fragment; requests are given by --request')
  return url
}

function statusOf (text: string): [string, string] {
  return [text, STATUS_CODES[text] ?? 'Added']
}

function requestOf (text: string): RequestOptions {
  const [, method, url, body] = /^([A-Z]+) (\/[!-~]*)(?: (.+))?$/s.exec(text) ?? []
  if (url === undefined) throw new TypeError("--request must be as 'GET /path' or 'POST /path {\"a\":1}'")
  if (body === undefined) return { method, url }
  return { method, url, body, headers: { 'content-type': 'application/json' } }
}

function numberOf (name: string, text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new TypeError(`--${name} must be a whole number from 1`)
  return Number(text)
}

function isLoopback (host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127(?:\.\d+){3}$/.test(host)
}

type Report = (target: string, protocols: readonly string[], results: readonly Result[]) => string

const table: Report = (target, protocols, results) => {
  const broken = results.filter(({ violations }) => violations.length > 0)
  const rows = [['group', 'probes', 'kept', 'broken'], ...groupsOf(results)]
  const lines = [`${target}: ${protocols.join(', ')}`, '']
  for (const [group, ...numbers] of rows) lines.push(`${group!.padEnd(12)}${numbers.map(number => number.padStart(8)).join('')}`)
  for (const result of broken) {
    const { sends, source, sent, received, connection } = detailsOf(result)
    lines.push('', `${result.probe.id}: ${sends} (${source})`)
    for (const violation of result.violations) lines.push(`  ${lineOf(violation)}`)
    lines.push('  sent', indent(sent), `  received (the connection: ${connection})`, indent(received))
  }
  lines.push('', broken.length === 0 ? `It conforms: ${results.length} probes.` : `It does not conform: ${broken.length} of ${results.length} probes show it.`, '')
  return lines.join('\n')
}

function groupsOf (results: readonly Result[]): string[][] {
  const groups = new Map<string, [kept: number, broken: number]>()
  for (const { probe: { group }, violations } of results) {
    const [kept, broken] = groups.get(group) ?? [0, 0]
    groups.set(group, violations.length === 0 ? [kept + 1, broken] : [kept, broken + 1])
  }
  return Array.from(groups, ([group, [kept, broken]]) => [group, String(kept + broken), String(kept), String(broken)])
}

const json: Report = (target, protocols, results) => JSON.stringify({
  target,
  protocols,
  conforms: results.every(({ violations }) => violations.length === 0),
  probes: results.map(result => ({
    id: result.probe.id,
    group: result.probe.group,
    violations: result.violations.map(({ rule, found, answer }) => ({ rule: rule.id, text: rule.text, source: rule.source, found, answer })),
    ...detailsOf(result)
  }))
}, null, 2) + '\n'

const tap: Report = (_target, _protocols, results) => {
  const lines = ['TAP version 14', `1..${results.length}`]
  results.forEach((result, i) => {
    const { probe, violations } = result
    if (violations.length === 0) {
      lines.push(`ok ${i + 1} - ${probe.id}`)
      return
    }
    // JSON is YAML.
    const diagnostics = JSON.stringify({ violations: violations.map(lineOf), ...detailsOf(result) }, null, 2)
    lines.push(`not ok ${i + 1} - ${probe.id}`, '  ---', indent(diagnostics, '  '), '  ...')
  })
  return lines.join('\n') + '\n'
}

function indent (text: string, by = '    '): string {
  return text.trimEnd().split('\n').map(line => by + line).join('\n')
}
