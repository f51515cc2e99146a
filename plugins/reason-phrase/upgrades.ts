import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { answerOnSocket } from '../../lib/client-error.js'
import type { Contract } from '../../lib/contract.js'
import { messageFromError } from '../../lib/message.js'

/**
 * Makes responses to WebSocket upgrades keep the contract. Plugins for upgrades create their own response, and pass it to
 * `app.routing()`. `ws` writes the response to a malformed handshake directly to the socket.
 */
export function patchUpgrades (app: FastifyInstance, contract: Contract, prepare: (response: ServerResponse) => void): void {
  const { routing } = app
  app.routing = function (request, response) {
    prepare(response as ServerResponse)
    routing.call(this, request, response)
  }
  app.addHook('onReady', done => {
    const { websocketServer } = app as { websocketServer?: NodeJS.EventEmitter }
    // If the service has its own listener, the listener sends the response.
    if (websocketServer?.listenerCount('wsClientError') === 0) {
      websocketServer.on('wsClientError', (error, socket) => { answerOnSocket(contract, socket, 400, messageFromError(error), app.log) })
    }
    done()
  })
}
