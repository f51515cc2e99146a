import AjvCompiler, { type Ajv } from '@fastify/ajv-compiler'
import type { FastifySchema, FastifySchemaCompiler } from 'fastify'
import fp from 'fastify-plugin'
import { escapeControls } from '../../lib/control-characters.js'

/** Returns whether a date-time has a UTC form with a year of four digits. A leap second has none. */
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
 * Refuses properties that a schema does not have, instead of removing them. Coerces the types of parameters, queries and
 * headers, which arrive as text, and not those of a JSON body.
 */
export default fp(async function validation (app) {
  const strict = createValidatorCompiler(false)
  const coercing = createValidatorCompiler(true)
  app.setValidatorCompiler(route => (route.httpPart === 'body' ? strict : coercing)(route))

  // The message of Ajv does not name the unknown property, and the client gets this message only.
  app.setSchemaErrorFormatter(([{ instancePath, message, params: { additionalProperty } }], part) => new Error(
    `${part}${instancePath} ${additionalProperty === undefined ? message : `has an unknown property: ${escapeControls(String(additionalProperty))}`}`
  ))
}, { name: 'validation' })
