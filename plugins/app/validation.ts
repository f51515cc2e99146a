import AjvCompiler, { type Ajv } from '@fastify/ajv-compiler'
import type { FastifySchema, FastifySchemaCompiler } from 'fastify'
import fp from 'fastify-plugin'
import { escapeControls } from '../../lib/control-characters.js'

/** Returns whether a date-time can be written in UTC with a year of four digits. A leap second cannot. */
function hasUtcForm (text: string): boolean {
  const date = new Date(text)
  return !Number.isNaN(date.getTime()) && date.toISOString().length === 24
}

function addDateTimeFormat (ajv: Ajv): void {
  const { validate } = ajv.formats['date-time'] as { validate: (text: string) => boolean }
  ajv.addFormat('date-time', text => validate(text) && hasUtcForm(text))
}

const createCompiler = AjvCompiler()

const createValidatorCompiler = (coerceTypes: boolean) => createCompiler({}, {
  // Ajv coerces the text Infinity to a number, and compares it with `maximum` only when strictNumbers is off.
  customOptions: { coerceTypes, strictNumbers: !coerceTypes, removeAdditional: false },
  onCreate: addDateTimeFormat
}) as unknown as FastifySchemaCompiler<FastifySchema>

/**
 * Makes the validation stricter than Fastify's default: unknown properties are rejected instead of removed, and a JSON body is not
 * coerced. Parameters, queries and headers are still coerced, because they arrive as text.
 */
export default fp(async function validation (app) {
  const strict = createValidatorCompiler(false)
  const coercing = createValidatorCompiler(true)
  app.setValidatorCompiler(route => (route.httpPart === 'body' ? strict : coercing)(route))

  // Name the unknown property, which Ajv's message does not. The client gets only this message.
  app.setSchemaErrorFormatter(([{ instancePath, message, params: { additionalProperty } }], part) => new Error(
    `${part}${instancePath} ${additionalProperty === undefined ? message : `has an unknown property: ${escapeControls(String(additionalProperty))}`}`
  ))
}, { name: 'validation' })
