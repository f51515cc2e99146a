/** What is used of undici, which Node's fetch is made of. */
interface Dispatcher {
  dispatch (options: object, handler: any): unknown
}

/** The attempts to send a request. */
export interface Attempts {
  /** Whether an attempt may have left. While it is false, it is proven that none has. */
  left: boolean
  /** More options for fetch. Without them there is no proof. */
  options: { dispatcher?: Dispatcher }
}

/**
 * Watches whether a request leaves. An error alone proves nothing: it can come
 * from the request body, from an abort, or from the last of several attempts.
 * So this stands between Node's fetch and undici's dispatcher, which announces
 * each attempt right before it writes the first byte.
 *
 * Other functions than Node's fetch, and other dispatchers than an `Agent` of
 * undici, could send the request in a way that cannot be watched. So they
 * prove nothing.
 */
export function watch (fetch: unknown): Attempts {
  // Node 26 has undici 8, which keeps its dispatcher under another name.
  const version = parseInt(globalThis.process?.versions?.undici ?? '') > 7 ? 2 : 1
  const dispatcher = Reflect.get(globalThis, Symbol.for(`undici.globalDispatcher.${version}`))
  // The source text tells Node's fetch from any other, because only Node's own modules can require this one.
  if (!`${fetch}`.includes("require('internal/deps/undici/undici')") || !isAgent(dispatcher)) return { left: true, options: {} }

  const attempts: Attempts = {
    left: false,
    options: {
      dispatcher: {
        dispatch (options, handler) {
          const watched = Object.create(handler)
          // The method that announces an attempt: up to undici 7, and from undici 8 on.
          for (const name of ['onConnect', 'onRequestStart']) {
            if (handler[name]) {
              watched[name] = (...values: unknown[]) => {
                attempts.left = true
                handler[name](...values)
              }
            }
          }
          return dispatcher.dispatch(options, watched)
        }
      }
    }
  }
  return attempts
}

/** Returns whether a dispatcher is an agent with nothing composed onto it, such as a retry. */
function isAgent (dispatcher: any): dispatcher is Dispatcher {
  return dispatcher?.constructor.name === 'Agent' && dispatcher.dispatch === Object.getPrototypeOf(dispatcher).dispatch
}
