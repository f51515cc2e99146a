/** The supported keywords of JSON Schema. */
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

/** Returns the schema that a `$ref` refers to, or undefined if there is none. */
export type ResolveRef = (ref: string) => Schema | undefined

/** A value that a schema rejects. */
export interface InvalidValue {
  /** What is wrong, such as `name-missing`. */
  readonly name: string
  readonly value: unknown
}

// The limit ends circular references.
const MAX_DEPTH = 8

// The maximum number of characters or items of a generated value.
const MAX_SAMPLE_LENGTH = 100_000

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
 * Returns a value that a schema most likely accepts: its first example if it has
 * one. For a `pattern` without an example, the value can be invalid.
 */
export function sampleValue (schema: Schema, resolve: ResolveRef, depth = 0): unknown {
  const { const: constant, enum: values, default: fallback, examples } = schema
  if (depth > MAX_DEPTH) return undefined
  if (constant !== undefined) return constant
  if (examples !== undefined && examples.length > 0) return examples[0]
  if (fallback !== undefined) return fallback
  if (values !== undefined) return values[0]
  if (schema.$ref !== undefined) return sampleValue(resolve(schema.$ref) ?? {}, resolve, depth + 1)
  const [alternative] = schema.anyOf ?? schema.oneOf ?? []
  if (alternative !== undefined) return sampleValue(alternative, resolve, depth + 1)
  if (schema.allOf !== undefined) {
    return Object.assign({}, ...schema.allOf.map(part => sampleValue(part, resolve, depth + 1)))
  }
  switch (getType(schema)) {
    case 'object': {
      const { properties = {}, required = [] } = schema
      return Object.fromEntries(required.map(name => [name, sampleValue(properties[name] ?? {}, resolve, depth + 1)]))
    }
    case 'array':
      return Array.from({ length: Math.min(schema.minItems ?? 0, MAX_SAMPLE_LENGTH) }, () => sampleValue(schema.items ?? {}, resolve, depth + 1))
    case 'integer':
    case 'number':
      return schema.minimum ?? (schema.exclusiveMinimum !== undefined ? schema.exclusiveMinimum + 1 : undefined) ?? schema.maximum ?? 1
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return FORMATS[schema.format!] ?? 'a'.repeat(Math.min(schema.minLength ?? 1, MAX_SAMPLE_LENGTH))
  }
}

/**
 * Returns objects that a schema rejects. Each of them differs from a valid object
 * in one property, which is missing, of a wrong type, out of range, or unknown.
 */
export function createInvalidObjects (schema: Schema, valid: Record<string, unknown>, resolve: ResolveRef): InvalidValue[] {
  const { properties = {}, required = [] } = flatten(schema, resolve)
  const invalid: InvalidValue[] = []
  for (const name of required) {
    const { [name]: _, ...rest } = valid
    invalid.push({ name: `${name}-missing`, value: rest })
  }
  for (const [name, property] of Object.entries(properties)) {
    for (const { name: how, value } of createInvalidValues(flatten(property, resolve))) {
      invalid.push({ name: `${name}-${how}`, value: { ...valid, [name]: value } })
    }
  }
  return [...invalid, { name: 'unknown-property', value: { ...valid, noSuchProperty: 'a' } }]
}

/** Returns values that a schema rejects. */
function createInvalidValues (schema: Schema): InvalidValue[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, minLength, maxLength, minItems, maxItems } = schema
  const type = getType(schema)
  const invalid: InvalidValue[] = [{ name: 'wrong-type', value: type === 'object' || type === 'array' ? 'text' : { an: ['object'] } }]
  const add = (name: string, bound: unknown, value: () => unknown): void => {
    if (bound !== undefined) invalid.push({ name, value: value() })
  }
  add('too-small', minimum, () => minimum! - 1)
  add('too-small', exclusiveMinimum, () => exclusiveMinimum)
  add('too-large', maximum, () => maximum! + 1)
  add('too-large', exclusiveMaximum, () => exclusiveMaximum)
  add('not-a-multiple', multipleOf, () => multipleOf! * 1.5)
  add('too-short', minLength || undefined, () => '')
  add('too-long', maxLength, () => 'a'.repeat(Math.min(maxLength! + 1, MAX_SAMPLE_LENGTH)))
  add('too-few', minItems || undefined, () => [])
  add('too-many', maxItems, () => Array.from({ length: Math.min(maxItems! + 1, MAX_SAMPLE_LENGTH) }, () => 'a'))
  add('not-the-pattern', schema.pattern, () => '\u{1F600} 你好 \u0001')
  add('not-the-format', schema.format, () => 'not the format')
  add('not-of-the-values', schema.enum ?? schema.const, () => 'no such value')
  return invalid
}

/** Returns a schema with its `$ref` and `allOf` merged into it. */
function flatten (schema: Schema, resolve: ResolveRef, depth = 0): Schema {
  if (depth > MAX_DEPTH) return {}
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

function getType ({ type, properties, items }: Schema): string | undefined {
  if (type !== undefined) return [type].flat()[0]
  if (properties !== undefined) return 'object'
  return items !== undefined ? 'array' : undefined
}
