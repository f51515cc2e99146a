import AjvCompiler, { type Ajv } from '@fastify/ajv-compiler'
import type { FastifySchema, FastifySchemaCompiler } from 'fastify'
import fp from 'fastify-plugin'
import { escapeControls } from '../../lib/control-characters.js'

/** Whether a date-time has a UTC text of the usual length: a leap second has not, nor one that UTC moves to year 10000. */
function isTimestamp (text: string): boolean {
  const date = new Date(text)
  return !Number.isNaN(date.getTime()) && date.toISOString().length === 24
}

function onCreate (ajv: Ajv): void {
  const { validate } = ajv.formats['date-time'] as { validate: (text: string) => boolean }
  ajv.addFormat('date-time', text => validate(text) && isTimestamp(text))
}

const build = AjvCompiler()

const compiler = (coerceTypes: boolean) => build({}, {
  // Ajv makes a number of the text Infinity, and holds it against a maximum only where numbers are not strict.
  customOptions: { coerceTypes, strictNumbers: !coerceTypes, removeAdditional: false },
  onCreate
}) as unknown as FastifySchemaCompiler<FastifySchema>

/** Refuses what a schema does not know, and converts only what arrives as text: a body has types of its own. */
export default fp(async function validation (app) {
  const body = compiler(false)
  const rest = compiler(true)
  app.setValidatorCompiler(route => (route.httpPart === 'body' ? body : rest)(route))

  // Ajv does not name what is too much, and a client gets nothing but this text.
  app.setSchemaErrorFormatter(([{ instancePath, message, params: { additionalProperty } }], part) => new Error(
    `${part}${instancePath} ${additionalProperty === undefined ? message : `has an unknown property: ${escapeControls(String(additionalProperty))}`}`
  ))
}, { name: 'validation' })
