import type { Key } from '../client/signer.js'
import type { KeyRing } from './key-ring.js'
import { isSignatureScheme } from './security-scheme.js'

/** The actions and selectors of Swagger UI. */
type System = Record<string, any>

/** A filled-in security scheme. */
interface Authorization { name?: string, schema?: object, value?: unknown }

/** Returns a function that replaces an action of Swagger UI. The function can call the original action. */
type ActionWrapper = (action: (payload: any) => void, system: System) => (payload: any) => void

/** Returns wrappers of the actions of Swagger UI that keep the secret of a key out of its state. */
export function wrapAuthorization (keyRing: KeyRing): Record<string, ActionWrapper> {
  return {
    authorize: (authorize, { errActions }) => (authorizations: Record<string, Authorization>) => {
      const accepted: Record<string, Authorization> = {}
      for (const [name, authorization] of Object.entries(authorizations)) {
        if (!isSignatureScheme(authorization.schema)) {
          accepted[name] = authorization
          continue
        }
        const key = authorization.value as Key
        errActions.clear({ authId: name, source: 'auth' })
        try {
          keyRing.set(key)
          // Swagger UI puts this value into the header field of the scheme. There, it marks the requests to sign.
          accepted[name] = { ...authorization, value: key.id }
        } catch (error) {
          const message = (error as Error).message.replace('fastify-reason-phrase: ', '')
          errActions.newAuthErr({ authId: name, source: 'auth', level: 'warning', message })
        }
      }
      if (Object.keys(accepted).length > 0) authorize(accepted)
    },

    logout: (logout, { authSelectors }) => (names: string[]) => {
      const authorized = authSelectors.authorized()
      if (names.some(name => isSignatureScheme(authorized.getIn([name, 'schema'])))) keyRing.clear()
      logout(names)
    },

    // With `persistAuthorization`, Swagger UI restores what an earlier page saved: the id of a key, but not its secret.
    restoreAuthorization: restore => ({ authorized }: { authorized: Record<string, Authorization> }) => {
      const others = Object.entries(authorized).filter(([, { schema }]) => !isSignatureScheme(schema))
      restore({ authorized: Object.fromEntries(others) })
    }
  }
}
