import neostandard from 'neostandard'

// Each regex matches the specifiers of imports, whatever folder the importing file is in.
const FASTIFY = {
  regex: '^(fastify|fastify-plugin|@fastify/.+)$',
  message: 'lib/, client/ and page/ must work without Fastify. Put code that needs Fastify into plugins/.'
}
const PACKAGE = {
  regex: '^(\\.\\./)+(index\\.js$|(plugins|client|conformance|bin)/)',
  message: 'lib/ must not import other folders of the package, because they import lib/. Move shared code into lib/.'
}
const SERVICE = {
  regex: '^(\\.\\.?/)+((app|server)\\.js$|(routes|schemas|migrations|plugins/app|app)/)',
  message: 'The package must not import the example service, because the tarball does not contain it. Move shared code into lib/.'
}
const TOOLS = {
  regex: '^(\\.\\.?/)+(test|bench|fuzz|scripts|docs|page)/',
  message: 'The package and the service must not import tests, tools or the source of the page, because their builds do not contain them.'
}
const INTERNALS = {
  regex: '^(\\.\\.?/)+((bin|(plugins/)?reason-phrase)/|((plugins/)?(signature|maintenance|openapi|idempotency)|client|conformance)/(?!index\\.js$))',
  message: 'The service must use the package like its users. Import an entry point: index.js, client/index.js, plugins/signature/index.js, ...'
}
const outside = folder => ({ regex: '^\\.\\./', message: `${folder} must not import other folders.` })

/** Returns a configuration that reports imports in these files whose specifier matches one of the patterns. */
function forbidImports (files, ...patterns) {
  return {
    ...files,
    rules: {
      'no-restricted-imports': ['error', { patterns }],
      'no-restricted-syntax': ['error', {
        selector: ':matches(ImportExpression, TSImportType) Literal[value=/^\\./]',
        message: 'no-restricted-imports cannot check this import. Use an import declaration.'
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
        message: 't.notHas() treats a string as a pattern, so it always passes. Use t.notOk(name in object).'
      }]
    }
  },

  forbidImports({ files: ['examples/**'] }, { regex: '^\\.\\./', message: 'Users copy the folder of an example, so it must not import other folders. Import the package by its name.' }),

  // The package.
  forbidImports({ files: ['lib/**'] }, FASTIFY, PACKAGE, SERVICE, TOOLS),
  forbidImports({ files: ['client/**'] }, FASTIFY, { regex: '^\\.\\./(?!lib/)', message: 'client/ must import only client/ and lib/, because it also runs in browsers.' }),
  forbidImports({ files: ['page/**'] }, FASTIFY, { regex: '^\\.\\./(?!(client|lib)/)', message: 'page/ must import only page/, client/ and lib/, because it runs in browsers.' }),
  forbidImports({ files: ['conformance/**'] }, SERVICE, TOOLS, {
    regex: '^(\\.\\./)+(plugins|bin)/', message: 'conformance/ must not import plugins/ or bin/, because the kit tests any server.'
  }),
  forbidImports({ files: ['plugins/**'], ignores: ['plugins/app/**'] }, SERVICE, TOOLS, {
    regex: '^(\\.\\./)+(client|conformance|bin)/|^(\\.\\./){2,}index\\.js$', message: 'Plugins must import only plugins and lib/.'
  }),
  forbidImports({ files: ['index.ts', 'bin/**'] }, SERVICE, TOOLS),

  // The example service.
  forbidImports({ files: ['schemas/**'] }, outside('schemas/')),
  forbidImports({ files: ['migrations/**'] }, outside('migrations/')),
  forbidImports({ files: ['plugins/app/**'] }, INTERNALS, TOOLS, {
    regex: '^(\\.\\./)+((app|server)\\.js$|routes/)', message: 'plugins/app/ must not import app.ts, server.ts or routes/, because they import plugins/app/.'
  }),
  forbidImports({ files: ['routes/**'] }, INTERNALS, TOOLS, {
    regex: '^(\\.\\./)+((app|server)\\.js$|migrations/)', message: 'Routes must import only plugins/app/, schemas/ and lib/.'
  }),
  forbidImports({ files: ['app.ts'] }, INTERNALS, TOOLS, { regex: '^\\./server\\.js$', message: 'app.ts must not import server.ts, because server.ts imports app.ts.' }),
  forbidImports({ files: ['server.ts'] }, INTERNALS, TOOLS)
]
