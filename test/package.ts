import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import t from 'tap'

// A dependency of ESLint and other tools.
const semver = createRequire(import.meta.url)('semver') as {
  satisfies (version: string, range: string): boolean
  subset (range: string, of: string): boolean
}

const read = (file: string) => JSON.parse(readFileSync(join(import.meta.dirname, '..', file), 'utf8'))
const { packages } = read('package-lock.json') as { packages: Record<string, { version: string, dev?: true, engines?: { node?: string } }> }

/** Returns the packages in the lock file whose `engines` the function rejects. */
function findRefusing (allows: (range: string, isDev: boolean) => boolean): string[] {
  return Object.entries(packages)
    .filter(([, { dev = false, engines }]) => engines?.node !== undefined && !allows(engines.node, dev))
    .map(([path, { version, engines }]) => `${path}@${version} needs Node ${engines!.node}`)
}

// The oldest Node versions that the tests run on.
for (const version of ['20.19.0', '22.13.0', '24.0.0', '26.0.0']) {
  t.test(`npm install prints no engine warning on Node ${version}`, async t => {
    t.strictSame(findRefusing(range => semver.satisfies(version, range)), [])
  })
}

t.test('the dependencies support every version of Node that the package supports', async t => {
  const { engines: { node } } = read('package.json') as { engines: { node: string } }
  t.strictSame(findRefusing((range, isDev) => isDev || semver.subset(node, range)), [])
})

t.test('package.json and package-lock.json have the same version', async t => {
  t.equal(packages['']!.version, read('package.json').version)
})

t.test('the README installs the tarball of this version', async t => {
  const { name, version } = read('package.json') as { name: string, version: string }
  const readme = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8')
  t.match(readme, `${name}/${name}-${version}.tgz\n`)
  t.strictSame(readme.match(/^npm install .*fastify-reason-phrase\b.*$/gm)?.length, 1)
})

t.test('the changelog has a section for this version, with the headings of Keep a Changelog', async t => {
  const changelog = readFileSync(join(import.meta.dirname, '..', 'CHANGELOG.md'), 'utf8')
  const { version } = read('package.json') as { version: string }
  const versions = Array.from(changelog.matchAll(/^## (.*)$/gm), ([, heading]) => heading)
  t.equal(versions[0], '[Unreleased]')
  t.match(versions[1], new RegExp(`^\\[${version.replaceAll('.', '\\.')}\\] - \\d{4}-\\d\\d-\\d\\d$`))
  for (const [, heading] of changelog.matchAll(/^### (.*)$/gm)) {
    t.match(heading, /^(?:Added|Changed|Deprecated|Removed|Fixed|Security|Upgrade from \d+\.\d+\.\d+)$/)
  }
})
