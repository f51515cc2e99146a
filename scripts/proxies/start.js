// Starts a proxy in its own folder, with the configuration of docs/proxies.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cert, key } from '../../test/fixtures/certificate.ts'

const DOCS = new URL('../../docs/proxies/', import.meta.url).pathname
const PATH = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`

// If root runs this script, the proxies run as nobody.
const NOBODY = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {}

const HTTPD_MODULES = ['/usr/lib/apache2/modules', '/usr/lib64/httpd/modules'].find(existsSync)

const START_TIMEOUT_MS = 20_000
const STOP_TIMEOUT_MS = 5_000

/**
 * How to start each proxy: its program, the replacements in the documented
 * configuration, and the additional files and arguments.
 */
const PROXIES = {
  nginx: {
    programs: ['nginx'],
    version: ['-v'],
    config: 'nginx.conf',
    replace: ({ folder }) => [
      ['/etc/ssl/', `${folder}/`],
      ['60s', '3s'],
      // The default of these timeouts is 60 s, which would make the test slow.
      ['server {', 'server {\n  client_header_timeout 3s;\n  client_body_timeout 3s;']
    ],
    main: ({ folder }) => `
daemon off;
pid ${folder}/nginx.pid;
error_log stderr;
events { }
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  include ${folder}/config;
}`,
    args: ({ folder }) => ['-p', folder, '-c', `${folder}/main`, '-e', 'stderr']
  },
  haproxy: {
    programs: ['haproxy'],
    version: ['-v'],
    config: 'haproxy.cfg',
    files: ['rejected.http'],
    replace: ({ folder, port }) => [
      ['/etc/ssl/', `${folder}/`],
      ['/etc/haproxy/errors', folder],
      ['60s', '3s'],
      ['65s', '6s'],
      ['http-request 10s', 'http-request 3s'],
      ['service-hop', `service-hop-${port}`]
    ],
    args: ({ folder }) => ['-f', `${folder}/config`]
  },
  httpd: {
    programs: ['apache2', 'httpd'],
    version: ['-v'],
    config: 'httpd.conf',
    files: ['away.asis', 'rejected.asis'],
    replace: ({ folder }) => [['/etc/ssl/', `${folder}/`], ['/etc/apache2/errors', folder], ['ProxyTimeout 60', 'ProxyTimeout 3'], ['header=20 body=60', 'header=3 body=3']],
    main: ({ folder }) => [
      `ServerRoot ${folder}`,
      'ServerName localhost',
      `DefaultRuntimeDir ${folder}`,
      `PidFile ${folder}/httpd.pid`,
      'ErrorLog |/bin/cat',
      'Timeout 3',
      ...['mpm_event', 'unixd', 'authz_core', 'alias', 'asis', 'reqtimeout', 'slotmem_shm', 'lbmethod_byrequests', 'proxy', 'proxy_balancer', 'proxy_http', 'proxy_http2', 'http2', 'ssl']
        .filter(name => existsSync(`${HTTPD_MODULES}/mod_${name}.so`))
        .map(name => `LoadModule ${name}_module ${HTTPD_MODULES}/mod_${name}.so`),
      `Include ${folder}/config`
    ].join('\n'),
    args: ({ folder }) => ['-f', `${folder}/main`, '-DFOREGROUND']
  },
  varnish: {
    programs: ['varnishd'],
    version: ['-V'],
    config: 'varnish.vcl',
    replace: () => [['60s', '3s']],
    // Varnish has no TLS, so it uses HTTP/2 in cleartext.
    cleartext: true,
    args: ({ folder, port }) => ['-F', '-n', `${folder}/run`, '-a', `127.0.0.1:${port}`, '-f', `${folder}/config`, '-s', 'malloc,16m', '-p', 'feature=+http2',
      // The timeout for the rest of a request, in seconds.
      '-p', 'timeout_idle=3',
      ...process.getuid() === 0 ? ['-j', 'none'] : []]
  }
}

export const PROXY_NAMES = Object.keys(PROXIES)

const running = new Set()

function writePids (work) {
  writeFileSync(join(work, 'pids'), [...running].map(({ pid }) => `${pid}\n`).join(''))
}

/** Returns the program of a proxy and its version, or undefined if it is not installed. */
export function findProgram (name) {
  const { programs, version } = PROXIES[name]
  for (const program of programs) {
    const { error, stdout, stderr } = spawnSync(program, version, { env: { ...process.env, PATH }, encoding: 'utf8' })
    if (error === undefined) return { program, version: /\d+\.\d+\.\d+/.exec(stdout + stderr)?.[0] ?? 'of an unknown version' }
  }
}

/**
 * Starts a proxy in front of a service.
 *
 * @param {string} work the folder in which the proxy gets a folder of its own
 * @param {string} name
 * @param {number} service the port of the service
 * @param {Array<[RegExp | string, string]>} edits replacements in the configuration
 */
export async function startProxy (work, name, service, edits = []) {
  const proxy = PROXIES[name]
  const [port, tlsPort] = [await findFreePort(), await findFreePort()]
  const folder = join(work, `${name}-${port}`)
  const place = { folder, port }
  mkdirSync(folder)
  const config = replaceAll(readFileSync(join(DOCS, proxy.config), 'utf8'), [
    ...edits,
    ...proxy.cleartext ? [['"3000"', `"${service}"`]] : [['127.0.0.1:3000', `127.0.0.1:${service}`], [':8080', `:${port}`], [':8443', `:${tlsPort}`]],
    ...proxy.replace(place)
  ])
  writeFileSync(join(folder, 'config'), config)
  if (proxy.main !== undefined) writeFileSync(join(folder, 'main'), proxy.main(place))
  for (const file of proxy.files ?? []) copyFileSync(join(DOCS, file), join(folder, file))
  writeFileSync(join(folder, 'service.crt'), `${cert}\n`)
  writeFileSync(join(folder, 'service.key'), `${key}\n`)
  writeFileSync(join(folder, 'service.pem'), `${cert}\n${key}\n`)
  if (NOBODY.uid !== undefined) {
    chownSync(work, NOBODY.uid, NOBODY.gid)
    chownSync(folder, NOBODY.uid, NOBODY.gid)
  }

  let output = ''
  const child = spawn(findProgram(name).program, proxy.args(place), {
    ...NOBODY,
    cwd: folder,
    env: { PATH, TMPDIR: folder },
    // Start it in its own process group, so that its workers can be killed together with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe']
  })
  if (child.pid === undefined) throw (await once(child, 'error'))[0]
  running.add(child)
  writePids(work)
  child.stdout.on('data', chunk => { output += chunk })
  child.stderr.on('data', chunk => { output += chunk })
  const exited = once(child, 'exit')
  const stop = async () => {
    if (!running.has(child)) return
    signal(child, 'SIGTERM')
    const timer = setTimeout(signal, STOP_TIMEOUT_MS, child, 'SIGKILL')
    await exited
    clearTimeout(timer)
    running.delete(child)
    writePids(work)
  }
  child.stop = stop

  const deadline = Date.now() + START_TIMEOUT_MS
  while (!(await isListening(port))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      await stop()
      throw new Error(`${name} did not start. Its output:\n${output}`)
    }
    await sleep(50)
  }
  return { port, url: proxy.cleartext ? `http://127.0.0.1:${port}` : `https://127.0.0.1:${tlsPort}`, stop }
}

/** Stops all proxies that were started. */
export async function stopAll () {
  await Promise.all([...running].map(({ stop }) => stop()))
}

function signal ({ pid }, name) {
  try {
    process.kill(-pid, name)
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}

/**
 * Replaces texts in a configuration. Throws if a text is missing, because the proxy would then use a port or a setting of the
 * documentation.
 */
function replaceAll (text, replacements) {
  for (const [from, to] of replacements) {
    const before = text
    text = text.replaceAll(from, to)
    if (text === before) throw new Error(`The configuration in docs/proxies must contain the text ${from}, which the test replaces`)
  }
  return text
}

const givenPorts = new Set()

/** Returns a port that nothing listens on, and that was not given to another proxy. */
async function findFreePort () {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  if (givenPorts.has(port)) return await findFreePort()
  givenPorts.add(port)
  return port
}

async function isListening (port) {
  const socket = net.connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
