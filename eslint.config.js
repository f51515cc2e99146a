import neostandard from 'neostandard'

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
        message: 'tap takes a name for a pattern, and passes whatever the object has. Use t.notOk(name in object).'
      }]
    }
  }
]
