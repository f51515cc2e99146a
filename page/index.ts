import { extendSwaggerUi } from './extend-swagger-ui.js'

/** The name of the header that carries the reason. `swaggerUiOptions()` declares it in front of the script. */
declare const REASON_HEADER: string

// The browser runs this after the script of Swagger UI, and before the page creates it.
extendSwaggerUi(REASON_HEADER)
