import type { OutcomeOptions } from '../client/outcome.js'
import { wrapAuthorization } from './authorization.js'
import { createErrorReason, describeError } from './error-reason.js'
import { createKeyForm } from './key-form.js'
import type { KeyRing } from './key-ring.js'
import { isSignatureScheme } from './security-scheme.js'

/**
 * Returns a plugin of Swagger UI: the form "Authorize" takes the id and the secret of a key, and errors show their reason.
 *
 * @param headers the names of the headers of the service
 */
export function createPlugin (keyRing: KeyRing, headers: OutcomeOptions): () => object {
  return () => ({
    statePlugins: { auth: { wrapActions: wrapAuthorization(keyRing) } },
    wrapComponents: {
      apiKeyAuth (ApiKeyForm: unknown, { React }: any) {
        const KeyForm = createKeyForm(React)
        return (props: any) => React.createElement(isSignatureScheme(props.schema) ? KeyForm : ApiKeyForm, props)
      },

      liveResponse (LiveResponse: unknown, { React }: any) {
        return (props: any) => {
          const error = describeError(props.response, headers)
          if (error === undefined) return React.createElement(LiveResponse, props)
          // The only Markdown in a live response is the message of its error, which Swagger UI takes from the status line.
          const ErrorReason = createErrorReason(React, error)
          const getComponent = (name: string, ...rest: unknown[]): unknown => name === 'Markdown' ? ErrorReason : props.getComponent(name, ...rest)
          return React.createElement(LiveResponse, { ...props, getComponent })
        }
      }
    }
  })
}
