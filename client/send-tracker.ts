/** The part of undici's dispatcher that this module uses. Node's fetch is built on undici. */
interface Dispatcher {
  dispatch (options: object, handler: any): unknown
}

/** Tells whether a request was sent. */
export interface SendTracker {
  /** Whether any bytes of the request may have been sent. `false` proves that none were. */
  mayHaveBeenSent: boolean
  /** Options to pass to fetch. Without them, nothing is tracked. */
  fetchOptions: { dispatcher?: Dispatcher }
}

/**
 * Returns a tracker for one request. An error of fetch proves nothing by
 * itself: it can come from the request body, from an abort, or from the last of
 * several attempts. Undici's dispatcher announces each attempt right before it
 * writes the first byte. The tracker wraps the dispatcher to see that.
 *
 * Only Node's own fetch with an `Agent` of undici can be tracked. With any
 * other fetch or dispatcher, `mayHaveBeenSent` is `true` from the start.
 */
export function trackSend (fetch: unknown): SendTracker {
  // Node 26 has undici 8, which keeps its global dispatcher under another symbol.
  const version = parseInt(globalThis.process?.versions?.undici ?? '') > 7 ? 2 : 1
  const dispatcher = Reflect.get(globalThis, Symbol.for(`undici.globalDispatcher.${version}`))
  // Only Node's own modules can require this module, so the source text identifies Node's fetch.
  if (!`${fetch}`.includes("require('internal/deps/undici/undici')") || !isAgent(dispatcher)) return { mayHaveBeenSent: true, fetchOptions: {} }

  const tracker: SendTracker = {
    mayHaveBeenSent: false,
    fetchOptions: {
      dispatcher: {
        dispatch (options, handler) {
          const tracked = Object.create(handler)
          // Undici announces an attempt with onConnect up to version 7, and with onRequestStart from version 8.
          for (const name of ['onConnect', 'onRequestStart']) {
            if (handler[name]) {
              tracked[name] = (...values: unknown[]) => {
                tracker.mayHaveBeenSent = true
                handler[name](...values)
              }
            }
          }
          return dispatcher.dispatch(options, tracked)
        }
      }
    }
  }
  return tracker
}

/** Returns whether a dispatcher is an `Agent` without interceptors. An interceptor could send the request again. */
function isAgent (dispatcher: any): dispatcher is Dispatcher {
  return dispatcher?.constructor.name === 'Agent' && dispatcher.dispatch === Object.getPrototypeOf(dispatcher).dispatch
}
