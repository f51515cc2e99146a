import { Type } from '@sinclair/typebox'
import t from 'tap'
import { createInvalidObjects, sampleValue, type Schema } from '../../../conformance/probes/schema-values.js'

const none = () => undefined

t.test('sampleValue() returns a value that the schema accepts', async t => {
  const cases: Array<[schema: unknown, value: unknown]> = [
    [{}, 'a'],
    [Type.Literal('x'), 'x'],
    [{ examples: [] }, 'a'],
    [Type.String({ examples: ['e'] }), 'e'],
    [Type.Integer({ default: 3 }), 3],
    [{ enum: ['p', 'q'] }, 'p'],
    [Type.Union([Type.Null(), Type.String()]), null],
    [{ oneOf: [{ type: 'boolean' }] }, true],
    [{ allOf: [Type.Object({ a: Type.Integer() }), Type.Object({ b: Type.Number({ exclusiveMinimum: 1 }) })] }, { a: 1, b: 2 }],
    [Type.Object({ a: Type.Integer({ minimum: 5 }), b: Type.Optional(Type.String()) }), { a: 5 }],
    [{ type: 'object' }, {}],
    [{ type: ['object', 'null'], required: ['a'] }, { a: 'a' }],
    [{ properties: {} }, {}],
    [Type.Integer({ maximum: -3 }), -3],
    [Type.Array(Type.String({ minLength: 2 }), { minItems: 2 }), ['aa', 'aa']],
    [{ items: {} }, []],
    [{ type: 'array', minItems: 1 }, ['a']],
    [Type.String({ format: 'date' }), '2025-01-01'],
    [Type.String({ format: 'other' }), 'a'],
    [{ $ref: 'none#' }, 'a']
  ]
  for (const [schema, value] of cases) t.strictSame(sampleValue(schema as Schema, none), value)
})

t.test('resolves references, and stops at circular ones', async t => {
  const resolve = (ref: string): Schema | undefined => ({
    thing: { type: 'object', required: ['a'], properties: { a: { type: 'integer' } } },
    circle: { $ref: 'circle' }
  } as Record<string, Schema>)[ref]
  t.strictSame(sampleValue({ $ref: 'thing' }, resolve), { a: 1 })
  t.equal(sampleValue({ $ref: 'circle' }, resolve), undefined)
  t.strictSame(createInvalidObjects({ $ref: 'thing' }, { a: 1 }, resolve).map(({ name }) => name), ['a-missing', 'a-wrong-type', 'unknown-property'])
  t.strictSame(createInvalidObjects({ $ref: 'circle' }, {}, resolve).map(({ name }) => name), ['unknown-property'])
  t.strictSame(createInvalidObjects({ $ref: 'none' }, {}, resolve).map(({ name }) => name), ['unknown-property'])
})

t.test('createInvalidObjects() changes one property in each object', async t => {
  const schema = {
    allOf: [Type.Object({ integer: Type.Integer({ minimum: 1, maximum: 9, multipleOf: 2 }) })],
    properties: {
      number: Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 5 }),
      string: Type.String({ minLength: 1, maxLength: 3, pattern: '^a$', format: 'uuid' }),
      array: Type.Array(Type.String(), { minItems: 1, maxItems: 2 }),
      object: Type.Object({}),
      literal: Type.Literal('x'),
      any: { minLength: 0 }
    }
  }
  const valid = { integer: 2 }
  const wrong = { an: ['object'] }
  t.strictSame(createInvalidObjects(schema as Schema, valid, none).map(({ name, value }) => {
    const property = name.split('-')[0]!
    const { integer, ...others } = value as Record<string, unknown>
    return [name, property === 'integer' ? integer : others[property]]
  }), [
    ['integer-missing', undefined],
    ['integer-wrong-type', wrong], ['integer-too-small', 0], ['integer-too-large', 10], ['integer-not-a-multiple', 3],
    ['number-wrong-type', wrong], ['number-too-small', 0], ['number-too-large', 5],
    ['string-wrong-type', wrong], ['string-too-short', ''], ['string-too-long', 'aaaa'],
    ['string-not-the-pattern', '\u{1F600} 你好 \u0001'], ['string-not-the-format', 'not the format'],
    ['array-wrong-type', 'text'], ['array-too-few', []], ['array-too-many', ['a', 'a', 'a']],
    ['object-wrong-type', 'text'],
    ['literal-wrong-type', wrong], ['literal-not-of-the-values', 'no such value'],
    ['any-wrong-type', wrong],
    ['unknown-property', undefined]
  ])
  t.strictSame(valid, { integer: 2 }, 'does not change the valid object')
})
