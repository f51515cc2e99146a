// Not in test/types/, whose tests also run with the installed package, which does not export this list.
import type { Server } from 'node:http'
import type { Http2SecureServer, Http2Server } from 'node:http2'
import type { Server as HttpsServer } from 'node:https'
import type { FastifyHttp2Options, FastifyHttp2SecureOptions, FastifyHttpOptions, FastifyHttpsOptions } from 'fastify'
import { describe, expect, test } from 'tstyche'
import type { FASTIFY_OPTIONS } from '../../../plugins/reason-phrase/option-names.js'

type KeysOf<Options> = Options extends unknown ? keyof Options : never
type AnyOptions = FastifyHttpOptions<Server> | FastifyHttpsOptions<HttpsServer> | FastifyHttp2Options<Http2Server> | FastifyHttp2SecureOptions<Http2SecureServer>

describe('FASTIFY_OPTIONS', () => {
  test("contains the names of all of Fastify's options", () => {
    expect<(typeof FASTIFY_OPTIONS)[number]>().type.toBe<KeysOf<AnyOptions>>()
  })
})
