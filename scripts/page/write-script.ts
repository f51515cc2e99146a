// Writes the script of the page of Swagger UI, for the package.
import { writeFileSync } from 'node:fs'
import { createScript, SCRIPT_FILE } from './create-script.js'

writeFileSync(new URL(`../../${SCRIPT_FILE}`, import.meta.url), await createScript())
