import type { Probe } from './probe.js'
import { connection } from './connection.js'
import { framing } from './framing.js'
import { http2 } from './http2.js'
import { payload } from './payload.js'
import { routing } from './routing.js'
import { text } from './text.js'

/** The probes that work for every service. Further probes are created from known requests and from routes. */
export const probes: readonly Probe[] = [...text, ...routing, ...framing, ...payload, ...connection, ...http2]
