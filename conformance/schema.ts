/** What of JSON Schema is looked at. */
export interface Schema {
  $ref?: string
  $id?: string
  type?: string | string[]
  const?: unknown
  enum?: unknown[]
  default?: unknown
  examples?: unknown[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  items?: Schema
  minItems?: number
  maxItems?: number
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
  multipleOf?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  format?: string
}

/** Finds the schema that a `$ref` names; undefined where there is none. */
export type Resolve = (ref: string) => Schema | undefined

/** A value that a schema refuses. */
export interface Broken {
  /** How it is broken, such as `name-missing`. */
  readonly name: string
  readonly value: unknown
}

// References that go in a circle end here.
const DEPTH = 8

// More than a schema that asks for more gets.
const LONGEST = 100_000

const FORMATS: Record<string, string> = {
  'date-time': '2025-01-01T00:00:00Z',
  date: '2025-01-01',
  time: '00:00:00Z',
  email: 'a@example.com',
  hostname: 'example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  uri: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000'
}

/**
 * A value that a schema most likely allows: an example of its own, if it has
 * one. That of a pattern without an example is a guess.
 */
export function sample (schema: Schema, resolve: Resolve, depth = 0): unknown {
  const { const: constant, enum: values, default: fallback, examples } = schema
  if (depth > DEPTH) return undefined
  if (constant !== undefined) return constant
  if (examples !== undefined && examples.length > 0) return examples[0]
  if (fallback !== undefined) return fallback
  if (values !== undefined) return values[0]
  if (schema.$ref !== undefined) return sample(resolve(schema.$ref) ?? {}, resolve, depth + 1)
  const [either] = schema.anyOf ?? schema.oneOf ?? []
  if (either !== undefined) return sample(either, resolve, depth + 1)
  if (schema.allOf !== undefined) {
    return Object.assign({}, ...schema.allOf.map(part => sample(part, resolve, depth + 1)))
  }
  switch (typeOf(schema)) {
    case 'object': {
      const { properties = {}, required = [] } = schema
      return Object.fromEntries(required.map(name => [name, sample(properties[name] ?? {}, resolve, depth + 1)]))
    }
    case 'array':
      return Array.from({ length: Math.min(schema.minItems ?? 0, LONGEST) }, () => sample(schema.items ?? {}, resolve, depth + 1))
    case 'integer':
    case 'number':
      return schema.minimum ?? (schema.exclusiveMinimum !== undefined ? schema.exclusiveMinimum + 1 : undefined) ?? schema.maximum ?? 1
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return FORMATS[schema.format!] ?? 'a'.repeat(Math.min(schema.minLength ?? 1, LONGEST))
  }
}

/**
 * What a schema of an object refuses, one thing broken at a time in a value
 * that it allows: a property that is missing, of a wrong type, out of range,
 * or unknown.
 */
export function breakObject (schema: Schema, valid: Record<string, unknown>, resolve: Resolve): Broken[] {
  const { properties = {}, required = [] } = flatten(schema, resolve)
  const broken: Broken[] = []
  for (const name of required) {
    const { [name]: _, ...rest } = valid
    broken.push({ name: `${name}-missing`, value: rest })
  }
  for (const [name, property] of Object.entries(properties)) {
    for (const { name: how, value } of breakValue(flatten(property, resolve))) {
      broken.push({ name: `${name}-${how}`, value: { ...valid, [name]: value } })
    }
  }
  return [...broken, { name: 'unknown-property', value: { ...valid, noSuchProperty: 'a' } }]
}

/** What a schema of a value refuses. */
function breakValue (schema: Schema): Broken[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, minLength, maxLength, minItems, maxItems } = schema
  const type = typeOf(schema)
  const broken: Broken[] = [{ name: 'wrong-type', value: type === 'object' || type === 'array' ? 'text' : { an: ['object'] } }]
  const add = (name: string, bound: unknown, value: () => unknown): void => {
    if (bound !== undefined) broken.push({ name, value: value() })
  }
  add('too-small', minimum, () => minimum! - 1)
  add('too-small', exclusiveMinimum, () => exclusiveMinimum)
  add('too-large', maximum, () => maximum! + 1)
  add('too-large', exclusiveMaximum, () => exclusiveMaximum)
  add('not-a-multiple', multipleOf, () => multipleOf! * 1.5)
  add('too-short', minLength || undefined, () => '')
  add('too-long', maxLength, () => 'a'.repeat(Math.min(maxLength! + 1, LONGEST)))
  add('too-few', minItems || undefined, () => [])
  add('too-many', maxItems, () => Array.from({ length: Math.min(maxItems! + 1, LONGEST) }, () => 'a'))
  add('not-the-pattern', schema.pattern, () => '\u{1F600} 你好 \u0001')
  add('not-the-format', schema.format, () => 'not the format')
  add('not-of-the-values', schema.enum ?? schema.const, () => 'no such value')
  return broken
}

/** A schema with its references and its parts in it. */
function flatten (schema: Schema, resolve: Resolve, depth = 0): Schema {
  if (depth > DEPTH) return {}
  if (schema.$ref === undefined && schema.allOf === undefined) return schema
  const referred = schema.$ref === undefined ? {} : flatten(resolve(schema.$ref) ?? {}, resolve, depth + 1)
  const parts = (schema.allOf ?? []).map(part => flatten(part, resolve, depth + 1))
  const all = [referred, ...parts, schema]
  return {
    ...Object.assign({}, ...all),
    properties: Object.assign({}, ...all.map(({ properties }) => properties)),
    required: all.flatMap(({ required = [] }) => required)
  }
}

function typeOf ({ type, properties, items }: Schema): string | undefined {
  if (type !== undefined) return [type].flat()[0]
  if (properties !== undefined) return 'object'
  return items !== undefined ? 'array' : undefined
}
