import type { Probe } from './probe.js'
import { connection } from './probes/connection.js'
import { framing } from './probes/framing.js'
import { http2 } from './probes/http2.js'
import { payload } from './probes/payload.js'
import { routing } from './probes/routing.js'
import { text } from './probes/text.js'

/** The probes that need to know nothing of the service. */
export const probes: readonly Probe[] = [...text, ...routing, ...framing, ...payload, ...connection, ...http2]
