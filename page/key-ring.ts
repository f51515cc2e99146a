import { signer, type Key, type Signer } from '../client/signer.js'
import { signRequest, type PageRequest } from './sign-request.js'

/** The name of the header that Swagger UI sets for the security scheme of signed requests. */
export const SIGNATURE_FIELD = 'signature'

/**
 * Holds the key that signs the requests of the page. Swagger UI knows only the id of the key, because its state can be
 * written to local storage.
 */
export class KeyRing {
  #key: { id: string, sign: Signer } | undefined

  /**
   * Replaces the key.
   *
   * @throws {TypeError} if the key is invalid, or if the browser has no WebCrypto on this page
   */
  set (key: Key): void {
    this.#key = { id: key.id, sign: signer(key) }
  }

  /** Forgets the key. */
  clear (): void {
    this.#key = undefined
  }

  /** Signs a request that Swagger UI marked with the id of the key. Other requests stay as they are. */
  async sign (request: PageRequest): Promise<PageRequest> {
    const mark = Object.entries(request.headers ?? {}).find(([name]) => name.toLowerCase() === SIGNATURE_FIELD)
    if (mark === undefined || this.#key === undefined || mark[1] !== this.#key.id) return request
    delete request.headers![mark[0]]
    return await signRequest(request, this.#key.sign)
  }
}
