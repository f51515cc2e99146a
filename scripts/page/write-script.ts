// Writes the bundled script that the package adds to the page of Swagger UI.
import { writeFileSync } from 'node:fs'
import { createScript, SCRIPT_FILE } from './create-script.js'

writeFileSync(new URL(`../../${SCRIPT_FILE}`, import.meta.url), await createScript())
