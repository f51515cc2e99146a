import { cpSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitepress'

const docs = join(import.meta.dirname, '..')
const root = join(docs, '..')

/** Returns whether a link goes to a file of the repository that is not a page. */
const isFile = link => [docs, root].some(folder => statSync(join(folder, link), { throwIfNoEntry: false })?.isFile())

/** Returns the entries of a sidebar group from pairs of a title and a page. */
const pages = items => Object.entries(items).map(([text, link]) => ({ text, link }))

export default defineConfig({
  title: 'fastify-reason-phrase',
  description: 'A Fastify plugin for APIs whose errors have no body',
  srcDir: '..',
  // Everything else in the repository is code, or a package.
  srcExclude: ['**/node_modules/**', '.*/**', 'dist/**', 'test/**'],
  rewrites: { 'README.md': 'index.md', ':folder(.*)/README.md': ':folder/index.md' },
  outDir: '../.site',
  cacheDir: '../.site-cache',
  ignoreDeadLinks: [isFile],
  buildEnd ({ outDir }) {
    // The pages link to these files, but VitePress copies only pages and images.
    for (const folder of ['docs/clients', 'docs/proxies', 'examples']) cpSync(join(root, folder), join(outDir, folder), { recursive: true })
    cpSync(join(root, 'LICENSE'), join(outDir, 'LICENSE'))
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: pages({ Documentation: '/docs/', Examples: '/examples/', Changelog: '/CHANGELOG' }),
    sidebar: [
      {
        text: 'Start',
        items: pages({
          Overview: '/',
          'Getting started': '/docs/getting-started',
          'The contract': '/docs/contract',
          'Adopt the plugin': '/docs/adopting',
          Troubleshooting: '/docs/troubleshooting'
        })
      },
      {
        text: 'Write a service',
        items: pages({
          'Send an error': '/docs/errors',
          'Describe your API': '/docs/openapi',
          'Swagger UI': '/docs/swagger-ui',
          'Sign requests': '/docs/signatures',
          'Idempotency keys': '/docs/idempotency',
          Maintenance: '/docs/maintenance',
          'Test your service': '/docs/testing',
          Recipes: '/docs/recipes',
          'Other plugins': '/docs/interop',
          Proxies: '/docs/proxies',
          'API reference': '/docs/api/'
        })
      },
      {
        text: 'Call a service',
        items: pages({
          'The client': '/docs/client',
          'The command': '/docs/command',
          'Other clients': '/docs/clients',
          'The example service': '/docs/service'
        })
      },
      {
        text: 'Background',
        items: pages({
          Conformance: '/docs/conformance',
          Security: '/docs/security',
          Reliability: '/docs/reliability',
          Performance: '/docs/performance',
          Limits: '/docs/limits',
          'How it works': '/docs/how-it-works'
        })
      },
      {
        text: 'Contribute',
        items: pages({ Contributing: '/CONTRIBUTING', 'Report a vulnerability': '/SECURITY', Changelog: '/CHANGELOG' })
      }
    ]
  }
})
