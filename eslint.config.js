import neostandard from 'neostandard'

// Each regex matches the specifiers of imports, whatever folder the importing file is in.
const FASTIFY = {
  regex: '^(fastify|fastify-plugin|@fastify/.+)$',
  message: 'lib/, client/ and page/ work without Fastify. Put code that needs it into plugins/.'
}
const PACKAGE = {
  regex: '^(\\.\\./)+(index\\.js$|(plugins|client|conformance|bin)/)',
  message: 'lib/ is the core of the package, which imports it. Move what both need into lib/.'
}
const SERVICE = {
  regex: '^(\\.\\.?/)+((app|server)\\.js$|(routes|schemas|migrations|plugins/app|app)/)',
  message: 'The package does not contain the example service. Move what both need into lib/.'
}
const TOOLS = {
  regex: '^(\\.\\.?/)+(test|bench|fuzz|scripts|docs|page)/',
  message: 'Neither the package nor the service contains the tests, the tools and the source of the page.'
}
const INTERNALS = {
  regex: '^(\\.\\.?/)+((bin|(plugins/)?reason-phrase)/|((plugins/)?(signature|maintenance|openapi|idempotency)|client|conformance)/(?!index\\.js$))',
  message: 'The service uses the package as its users do. Import an entry point: index.js, client/index.js, plugins/signature/index.js, ...'
}
const outside = folder => ({ regex: '^\\.\\./', message: `${folder} imports nothing of other folders.` })

/** Returns a configuration that reports imports in these files whose specifier matches one of the patterns. */
function forbidImports (files, ...patterns) {
  return {
    ...files,
    rules: {
      'no-restricted-imports': ['error', { patterns }],
      'no-restricted-syntax': ['error', {
        selector: ':matches(ImportExpression, TSImportType) Literal[value=/^\\./]',
        message: 'no-restricted-imports does not see this import. Use an import declaration.'
      }]
    }
  }
}

export default [
  ...neostandard({
    ts: true,
    ignores: ['dist/**', ...neostandard.resolveIgnoresFromGitignore()]
  }),
  {
    files: ['test/**'],
    rules: {
      'no-restricted-syntax': ['error', {
        selector: "CallExpression[callee.property.name='notHas'][arguments.1.type='Literal']",
        message: 't.notHas() takes a string for a pattern, so that it always passes. Use t.notOk(name in object).'
      }]
    }
  },

  forbidImports({ files: ['examples/**'] }, { regex: '^\\.\\./', message: 'Each example is a folder that can be copied. Import the package by its name.' }),

  // The package.
  forbidImports({ files: ['lib/**'] }, FASTIFY, PACKAGE, SERVICE, TOOLS),
  forbidImports({ files: ['client/**'] }, FASTIFY, { regex: '^\\.\\./(?!lib/)', message: 'client/ imports client/ and lib/ only, so that it runs in browsers.' }),
  forbidImports({ files: ['page/**'] }, FASTIFY, { regex: '^\\.\\./(?!(client|lib)/)', message: 'page/ runs in browsers. It imports page/, client/ and lib/ only.' }),
  forbidImports({ files: ['conformance/**'] }, SERVICE, TOOLS, {
    regex: '^(\\.\\./)+(plugins|bin)/', message: 'The conformance kit judges any server. It does not know the plugins.'
  }),
  forbidImports({ files: ['plugins/**'], ignores: ['plugins/app/**'] }, SERVICE, TOOLS, {
    regex: '^(\\.\\./)+(client|conformance|bin)/|^(\\.\\./){2,}index\\.js$', message: 'Plugins import plugins and lib/ only.'
  }),
  forbidImports({ files: ['index.ts', 'bin/**'] }, SERVICE, TOOLS),

  // The example service.
  forbidImports({ files: ['schemas/**'] }, outside('schemas/')),
  forbidImports({ files: ['migrations/**'] }, outside('migrations/')),
  forbidImports({ files: ['plugins/app/**'] }, INTERNALS, TOOLS, {
    regex: '^(\\.\\./)+((app|server)\\.js$|routes/)', message: 'Routes import plugins, and app.ts imports both.'
  }),
  forbidImports({ files: ['routes/**'] }, INTERNALS, TOOLS, {
    regex: '^(\\.\\./)+((app|server)\\.js$|migrations/)', message: 'Routes import plugins/app/, schemas/ and lib/ only.'
  }),
  forbidImports({ files: ['app.ts'] }, INTERNALS, TOOLS, { regex: '^\\./server\\.js$', message: 'server.ts imports app.ts.' }),
  forbidImports({ files: ['server.ts'] }, INTERNALS, TOOLS)
]
