import type { OutcomeOptions } from '../client/outcome.js'
import { extendSwaggerUi } from './extend-swagger-ui.js'

/** The names of the headers of the service. `swaggerUiOptions()` declares them in front of the script. */
declare const HEADERS: OutcomeOptions

// The browser runs this after the script of Swagger UI, and before the page creates it.
extendSwaggerUi(HEADERS)
