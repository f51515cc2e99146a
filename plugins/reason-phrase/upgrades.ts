import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { answerOnSocket } from '../../lib/client-error.js'
import type { Contract } from '../../lib/contract.js'
import { messageOf } from '../../lib/message.js'

/**
 * Keeps the contract where a request asks for a WebSocket: plugins that take
 * upgrades make a response of their own for Fastify, and `ws` answers a
 * handshake that it cannot read on the socket.
 */
export function keepUpgrades (app: FastifyInstance, contract: Contract, prepare: (response: ServerResponse) => void): void {
  const { routing } = app
  app.routing = function (request, response) {
    prepare(response as ServerResponse)
    routing.call(this, request, response)
  }
  app.addHook('onReady', done => {
    const { websocketServer } = app as { websocketServer?: NodeJS.EventEmitter }
    // Who listens answers it himself.
    if (websocketServer?.listenerCount('wsClientError') === 0) {
      websocketServer.on('wsClientError', (error, socket) => { answerOnSocket(contract, socket, 400, messageOf(error)) })
    }
    done()
  })
}
