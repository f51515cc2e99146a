import t from 'tap'
import { formatHelp } from '../../bin/help.js'

t.test('formats flags in two columns, with lines of at most 80 characters', async t => {
  const text = formatHelp({
    synopsis: 'do THING',
    purpose: 'Does a thing.',
    examples: ['do this', 'do that\n--loud'],
    flags: {
      loud: { type: 'boolean', short: 'l', text: 'say it' },
      'very-long-name': { type: 'string', value: 'WITH-A-LONG-VALUE', text: 'long' },
      words: { type: 'string', value: 'W', text: Array(12).fill('twelve chars').join(' ') }
    },
    notes: ['One.', 'Two.']
  })
  t.equal(text, `Usage: fastify-reason-phrase do THING [options]

Does a thing.

Examples:
  npx fastify-reason-phrase do this
  npx fastify-reason-phrase do that \\
    --loud

Options:
  -l, --loud                  say it
      --very-long-name WITH-A-LONG-VALUE
                              long
      --words W               twelve chars twelve chars twelve chars twelve
                              chars twelve chars twelve chars twelve chars
                              twelve chars twelve chars twelve chars twelve
                              chars twelve chars

One.

Two.
`)
})
