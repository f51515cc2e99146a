import type { OutcomeOptions } from '../client/outcome.js'
import { KeyRing } from './key-ring.js'
import { createPlugin } from './plugin.js'
import type { PageRequest } from './sign-request.js'

/** The part of the configuration of Swagger UI that the page extends. */
interface Configuration {
  plugins?: object[]
  requestInterceptor?: (request: PageRequest) => PageRequest | undefined | Promise<PageRequest | undefined>
}

/**
 * Makes the Swagger UI of the page sign its requests, and show the reasons of errors. Your own configuration of Swagger UI
 * keeps working.
 *
 * @param headers the names of the headers of the service
 */
export function extendSwaggerUi (headers: OutcomeOptions): void {
  const page = globalThis as unknown as { SwaggerUIBundle: (configuration: Configuration) => unknown }
  const create = page.SwaggerUIBundle
  const keyRing = new KeyRing()

  page.SwaggerUIBundle = Object.assign(({ plugins = [], requestInterceptor, ...configuration }: Configuration) => create({
    ...configuration,
    plugins: [...plugins, createPlugin(keyRing, headers)],
    // The signature comes last, because it covers what your own interceptor changes.
    requestInterceptor: async request => await keyRing.sign(await requestInterceptor?.(request) ?? request)
  }), create)
}
