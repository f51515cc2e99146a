import { ask, sends, sendsLast, steps, type Probe } from '../probe.js'
import type { RequestOptions } from '../request.js'

const RESPONSES = 'responses.md'

/** Probes of the requests that a service is known to answer. */
export function requestProbes (requests: readonly RequestOptions[]): Probe[] {
  return requests.flatMap((request, i): Probe[] => {
    const { method = 'GET', url } = request
    const name = `${method} ${url}`
    const id = `requests-${i + 1}`
    const own = ask(id, { sends: name, why: 'A success has no header, an error no body', source: RESPONSES }, () => request)
    if (method !== 'GET') return [own]
    return [
      own,
      ask(`${id}-head`, { sends: `HEAD of ${name}`, why: 'Its answer is that of GET, without the body', source: 'RFC 9110 section 9.3.2' },
        () => ({ ...request, method: 'HEAD' })),
      ask(`${id}-range`, { sends: `${name} for a range that it cannot have`, why: 'A 416 has Content-Range, and is not of the table', source: `${RESPONSES}, RFC 9110 section 15.5.17` },
        () => ({ ...request, headers: { ...request.headers, range: 'bytes=999999999999-' } })),
      ask(`${id}-precondition`, { sends: `${name} if it is a representation that it cannot be`, why: 'A 412 has ETag, and is not of the table', source: `${RESPONSES}, RFC 9110 section 15.5.13` },
        () => ({ ...request, headers: { ...request.headers, 'if-match': '"no-such-representation"' } })),
      ask(`${id}-unacceptable`, { sends: `${name} in a media type that there is not`, why: 'A 406 is not of the table', source: `${RESPONSES}, RFC 9110 section 15.5.7` },
        () => ({ ...request, headers: { ...request.headers, accept: 'application/x-no-such-type, */*;q=0' } })),
      steps(`${id}-pipelined`, { sends: `${name}, its HEAD, and itself again, at once`, why: 'A body after the answer to HEAD is read as the next answer', source: 'RFC 9112 section 9.3.2' },
        [1, 3], async target => [await sends(target, request), await sends(target, { ...request, method: 'HEAD' }), await sendsLast(target, request)])
    ]
  })
}
