// Makes each installed client read the reason of an error, over HTTP/1.1 and over
// HTTP/2. Fails if a client cannot read it, or if the reason phrase that the client
// shows differs from the table of docs/clients.md. Run by scripts/clients/run.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import cors from '@fastify/cors'
import Fastify from 'fastify'
import reasonPhrase, { serverOptions } from '../../index.ts'
import { cert, key } from '../../test/fixtures/certificate.ts'

// Contains characters that a client could misread as a quotation, an escape, an encoding or a list.
const MESSAGE = `«Größe» – "20,5 cm"; λόγος: 50 % of \\100 zł, l’été %C3%BC &uuml; =?UTF-8?Q?=C3=BC?= 日本 ${'naïve '.repeat(100)}`
const ASCII = `<<Grosse>> - "20,5 cm"; logos: 50 % of \\100 zl, l'ete %C3%BC &uuml; =?UTF-8?Q?=C3=BC?= RiBen ${'naive '.repeat(100)}`
const REASON = ASCII.slice(0, 512).trimEnd()
const PHRASE = ASCII.slice(0, 128).trimEnd()

const CLIENT_TIMEOUT_MS = 60_000

const root = join(import.meta.dirname, '..', '..')
const folder = join(root, 'docs', 'clients')
const work = mkdtempSync(join(tmpdir(), 'clients-'))
const certificate = join(work, 'certificate.pem')
const trustStore = join(work, 'trust.p12')

const node = file => ['node', file]
const printVersion = name => ['node', '-p', `JSON.parse(fs.readFileSync('${join(root, 'node_modules', name, 'package.json')}')).version`]
const java = ['java', `-Djavax.net.ssl.trustStore=${trustStore}`, '-Djavax.net.ssl.trustStorePassword=changeit', 'Client.java']
const php = ['php', '-d', `curl.cainfo=${certificate}`, 'curl.php']

/**
 * The clients. Each has a command that prints its version, a command for HTTP/1.1,
 * and for HTTP/2 a command or the options to add after the URL. Over TLS, the
 * service offers both protocols, and the client chooses one.
 */
const CLIENTS = [
  { name: 'curl', version: ['curl', '--version'], http1: ['bash', 'curl.sh'], http2: { service: 'h2c', options: ['--http2-prior-knowledge'] } },
  { name: 'wget', version: ['wget', '--version'], http1: ['bash', 'wget.sh'] },
  { name: 'HTTPie', version: ['http', '--version'], http1: ['bash', 'httpie.sh'] },
  { name: 'Python http.client', version: ['python3', '--version'], http1: ['python3', 'http_client.py'] },
  { name: 'Python urllib', version: ['python3', '--version'], http1: ['python3', 'urllib_request.py'] },
  { name: 'Python requests', version: ['python3', '-c', 'import requests; print(requests.__version__)'], http1: ['python3', 'python_requests.py'] },
  { name: 'Ruby Net::HTTP', version: ['ruby', '--version'], http1: ['ruby', 'net_http.rb'] },
  { name: 'Perl LWP', version: ['perl', '-MLWP', '-e', 'print LWP->VERSION'], http1: ['perl', 'lwp.pl'] },
  { name: 'PHP curl', version: ['php', '-r', 'curl_version(); echo PHP_VERSION;'], http1: php, http2: { service: 'h2c', options: ['5'] } },
  { name: 'Go net/http', version: ['go', 'version'], http1: ['go', 'run', 'net_http.go'] },
  { name: 'Java HttpClient', version: ['javac', '--version'], http1: java },
  { name: 'fetch', version: ['node', '--version'], http1: node('fetch.js') },
  { name: 'undici', version: printVersion('undici'), http1: node('undici.js'), http2: { command: node('undici-http2.js') } },
  { name: 'axios', version: printVersion('axios'), http1: node('axios.js'), http2: { command: node('axios-http2.js') } },
  { name: 'got', version: printVersion('got'), http1: node('got.js'), http2: { command: node('got-http2.js') } },
  { name: 'ky', version: printVersion('ky'), http1: node('ky.js') },
  { name: 'node:http', version: ['node', '--version'], http1: node('http.js') },
  { name: 'node:http2', version: ['node', '--version'], http2: { command: node('http2.js'), service: 'h2c' } },
  { name: 'Chromium', version: ['/usr/bin/chromium', '--version'], http1: node('chromium.js'), http2: { options: ['--ignore-certificate-errors'] } },
  { name: 'fastify-reason-phrase/client', version: printVersion('../'), http1: node('client.js') }
]

// Without the variables for proxies, and with variables that make each client trust the certificate of the service.
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name)))
for (const name of ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'PERL_LWP_SSL_CA_FILE']) env[name] = certificate
env.WGETRC = join(work, 'wgetrc')

const running = new Set()

function run ([file, ...args]) {
  return new Promise(resolve => {
    // Start it in its own process group, so that its child processes can be killed together with it.
    const child = spawn(file, args, { cwd: folder, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    const result = { stdout: '', stderr: '', code: undefined }
    const timer = setTimeout(() => {
      result.stderr += `The client took longer than ${CLIENT_TIMEOUT_MS} ms`
      kill(child)
    }, CLIENT_TIMEOUT_MS)
    running.add(child)
    child.stdout.on('data', data => { result.stdout += data })
    child.stderr.on('data', data => { result.stderr += data })
    child.on('error', error => { result.stderr += error.message })
    child.on('close', code => {
      clearTimeout(timer)
      running.delete(child)
      resolve({ ...result, code })
    })
  })
}

function kill ({ pid }) {
  try {
    process.kill(-pid)
  } catch {} // The process has already ended.
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    running.forEach(kill)
    rmSync(work, { recursive: true })
    process.exit(1)
  })
}

/** The HTTP version of the last request to each service. */
const lastVersion = {}
const services = []

async function serve (service, options) {
  const app = Fastify(serverOptions(options))
  services.push(app)
  await app.register(reasonPhrase)
  await app.register(cors)
  app.get('/', async (request, reply) => {
    lastVersion[service] = request.raw.httpVersion
    return reply.unprocessable(MESSAGE)
  })
  return await app.listen({ host: '127.0.0.1', port: 0 })
}

/** Parses the lines that each file in docs/clients prints. */
function parse (stdout) {
  const [status, reason, phrase] = ['status', 'reason', 'phrase'].map(name => new RegExp(`^${name}: (.*)$`, 'm').exec(stdout)?.[1])
  return { status, reason, phrase }
}

function describePhrase (phrase) {
  switch (phrase) {
    case PHRASE: return 'shown'
    case undefined: return 'not shown'
    case '': return 'empty'
    default: return phrase
  }
}

/** Returns the table of docs/clients.md: the reason phrase that each client shows over HTTP/1.1 and over HTTP/2. */
function readTable () {
  const text = readFileSync(join(root, 'docs', 'clients.md'), 'utf8')
  const rows = text.matchAll(/^\| \[(.*?)\]\(.*?\) \| .*? \| (.*?) \| (.*?) \|$/gm)
  return new Map(Array.from(rows, ([, name, http1, http2]) => [name, { 'HTTP/1.1': http1, 'HTTP/2': http2 }]))
}

/** Runs a client, and returns the reason phrase that it showed, or why it failed. */
async function measure (command, service, isHttp2) {
  const { stdout, stderr, code } = await run(command)
  const { status, reason, phrase } = parse(stdout)
  if (status !== '422' || reason !== REASON) {
    return { failure: `expected the output\n  status: 422\n  reason: ${REASON}\nbut the exit code was ${code}, and the output was\n${stdout}${stderr}` }
  }
  return { shown: isHttp2 && lastVersion[service] !== '2.0' ? 'takes HTTP/1.1' : describePhrase(phrase) }
}

async function main () {
  writeFileSync(certificate, `${cert}\n`)
  writeFileSync(env.WGETRC, `ca_certificate = ${certificate}\n`)
  await run(['keytool', '-importcert', '-noprompt', '-file', certificate, '-keystore', trustStore, '-storetype', 'PKCS12', '-storepass', 'changeit'])
  const urls = {
    http: await serve('http', {}),
    h2c: await serve('h2c', { http2: true }),
    tls: await serve('tls', { http2: true, https: { key, cert, allowHTTP1: true } })
  }
  const rows = readTable()

  for (const { name, version, http1, http2 = {} } of CLIENTS) {
    const about = await run(version)
    if (about.code !== 0) {
      console.log(`${name}: not installed, skipped`)
      continue
    }
    const [number] = /\d+(?:\.\d+)+/.exec(about.stdout)
    const { service = 'tls', command = http1, options = [] } = http2
    const measured = {
      ...(http1 && { 'HTTP/1.1': await measure([...http1, urls.http], 'http') }),
      'HTTP/2': await measure([...command, urls[service], ...options], service, true)
    }
    const answers = Object.entries(measured)
    console.log(`${name} ${number}: phrase ${answers.map(([protocol, { shown = 'failed' }]) => `over ${protocol}: ${shown}`).join(', ')}`)
    for (const [protocol, { failure, shown }] of answers) {
      const expected = rows.get(name)?.[protocol]
      const wrong = failure ?? (expected === undefined || expected === shown ? undefined : `docs/clients.md says that the reason phrase is "${expected}", but it was "${shown}"`)
      if (wrong === undefined) continue
      console.error(`${name} over ${protocol}: ${wrong}`)
      process.exitCode = 1
    }
  }
}

try {
  await main()
} finally {
  await Promise.all(services.map(app => app.close()))
  rmSync(work, { recursive: true })
}
