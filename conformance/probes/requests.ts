import { lastRequestStep, requestStep } from '../exchange/http1.js'
import { toHttp2Request } from '../exchange/http2.js'
import type { RequestOptions } from '../exchange/request.js'
import { CONTRACT } from '../sources.js'
import { probeHttp2, probeRequest, probeSteps, type Probe } from './probe.js'

/** Returns probes for the known requests of a service. */
export function createRequestProbes (requests: readonly RequestOptions[]): Probe[] {
  return requests.flatMap((request, i): Probe[] => {
    const { method = 'GET', url } = request
    const name = `${method} ${url}`
    const id = `requests-${i + 1}`
    const texts = { sends: name, why: 'A success has no header, and an error has no body', source: CONTRACT.unsuccessful }
    const own = [
      probeRequest(id, texts, () => request, { origin: 'requests' }),
      probeHttp2(`http2-${id}`, texts, 1, async target => [await toHttp2Request(target, request)], { origin: 'requests', isSubstitute: true })
    ]
    if (method !== 'GET') return own
    return [
      ...own,
      probeRequest(`${id}-head`, { sends: `HEAD of ${name}`, why: 'The response must be the one to GET, without the body', source: 'RFC 9110 section 9.3.2' },
        () => ({ ...request, method: 'HEAD' })),
      probeRequest(`${id}-range`, { sends: `${name} with a range that cannot be satisfied`, why: 'A 416 has Content-Range, and is not in the table', source: `${CONTRACT.statusCodes}, RFC 9110 section 15.5.17` },
        () => ({ ...request, headers: { ...request.headers, range: 'bytes=999999999999-' } })),
      probeRequest(`${id}-precondition`, { sends: `${name} with an If-Match that matches nothing`, why: 'A 412 has ETag, and is not in the table', source: `${CONTRACT.statusCodes}, RFC 9110 section 15.5.13` },
        () => ({ ...request, headers: { ...request.headers, 'if-match': '"no-such-representation"' } })),
      probeRequest(`${id}-unacceptable`, { sends: `${name} that accepts only an unknown media type`, why: 'A 406 is not in the table', source: `${CONTRACT.statusCodes}, RFC 9110 section 15.5.7` },
        () => ({ ...request, headers: { ...request.headers, accept: 'application/x-no-such-type, */*;q=0' } })),
      probeSteps(`${id}-pipelined`, { sends: `${name}, HEAD of the same URL, and the first request again, all at once`, why: 'Clients read a body after a response to HEAD as the next response', source: 'RFC 9112 section 9.3.2' },
        [1, 3], async target => [await requestStep(target, request), await requestStep(target, { ...request, method: 'HEAD' }), await lastRequestStep(target, request)])
    ]
  })
}
