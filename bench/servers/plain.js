// The same service in each framework: a success, an error, two thrown errors, and a path without a route.
// All of them are in this file, so that every process loads the same modules.
import { createServer } from 'node:http'
import sensible from '@fastify/sensible'
import express from 'express'
import Fastify from 'fastify'
import httpErrorsEnhanced from 'fastify-http-errors-enhanced'
import { createError } from 'http-errors-enhanced'
import reasonPhrase, { serverOptions } from '../../dist/index.js'

export const FULL = 'this plugin, `serverOptions()`'
export const REGISTERED = 'this plugin, `register()` alone'
export const FLOOR = 'Fastify, contract by hand (the floor)'
export const FASTIFY = 'Fastify, JSON payload'
export const OTHERS = ['Fastify, `Error`', '@fastify/sensible', 'fastify-http-errors-enhanced', 'Express', 'node:http']

const MESSAGE = 'The name orders.created is taken by another topic of yours'

/** 100 bytes of JSON. */
export const SMALL = { topicId: 'EBT-0192f0c4a3b07d3e8c1d5a6f7e8b9c0d', name: 'orders.created', status: 'KEEP', size: 7 }

const schema = {
  response: {
    200: {
      type: 'object',
      properties: { topicId: { type: 'string' }, name: { type: 'string' }, status: { type: 'string' }, size: { type: 'integer' } }
    }
  }
}

export default {
  [FULL]: () => fastify({ options: serverOptions(), register: app => app.register(reasonPhrase), sendError: sendByDecorator }),
  [REGISTERED]: () => fastify({ register: app => app.register(reasonPhrase), sendError: sendByDecorator }),
  [FLOOR]: () => fastify({
    register (app) {
      app.setErrorHandler((error, _request, reply) => sendByHand(reply, error.statusCode, error.message))
      app.setNotFoundHandler((_request, reply) => sendByHand(reply, 404, 'Not Found'))
    },
    sendError: (_request, reply) => sendByHand(reply, 422, MESSAGE)
  }),
  // The next two differ in `/error` only, so their other figures show how exact the benchmark is.
  [FASTIFY]: () => fastify({
    sendError: (_request, reply) => reply.code(422).send({ statusCode: 422, error: 'Unprocessable Entity', message: MESSAGE })
  }),
  'Fastify, `Error`': () => fastify({ sendError: (_request, reply) => reply.send(httpError(422, MESSAGE)) }),
  '@fastify/sensible': () => fastify({
    register: app => app.register(sensible),
    sendError: (_request, reply) => reply.unprocessableEntity(MESSAGE),
    errorOf: (app, statusCode) => app.httpErrors.createError(statusCode, MESSAGE)
  }),
  'fastify-http-errors-enhanced': () => fastify({
    register: app => app.register(httpErrorsEnhanced),
    sendError: (_request, reply) => reply.send(createError(422, MESSAGE)),
    errorOf: (_app, statusCode) => createError(statusCode, MESSAGE)
  }),
  Express: startExpress,
  'node:http': startNodeHttp
}

async function fastify ({ options, register = () => {}, sendError, errorOf = makeError }) {
  const app = Fastify(options)
  await register(app)
  app.get('/success', { schema }, async () => SMALL)
  app.get('/error', sendError)
  app.get('/thrown/:statusCode', async ({ params }) => { throw errorOf(app, Number(params.statusCode)) })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return { server: app.server }
}

function makeError (_app, statusCode) {
  return httpError(statusCode, MESSAGE)
}

function sendByDecorator (_request, reply) {
  return reply.unprocessable(MESSAGE)
}

function sendByHand (reply, statusCode, message) {
  reply.raw.statusMessage = message
  return reply.code(statusCode).header('EB-REASON-PHRASE', message).send()
}

function httpError (statusCode, message) {
  return Object.assign(new Error(message), { statusCode })
}

async function startExpress () {
  const app = express()
  app.get('/success', (_request, response) => { response.json(SMALL) })
  app.get('/error', (_request, response) => { response.status(422).json({ message: MESSAGE }) })
  app.get('/thrown/:statusCode', ({ params }) => { throw httpError(Number(params.statusCode), MESSAGE) })
  app.use((_request, response) => { response.status(404).json({ message: 'Not Found' }) })
  app.use((error, _request, response, _next) => { response.status(error.statusCode).json({ message: error.message }) })
  return await listen(createServer(app))
}

/** Starts a server without a framework that sends the same responses as this plugin. */
async function startNodeHttp () {
  return await listen(createServer(({ url }, response) => {
    try {
      if (url === '/success') {
        const body = JSON.stringify(SMALL)
        const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(body) }
        response.writeHead(200, headers).end(body)
      } else if (url === '/error') sendEmpty(response, 422, MESSAGE)
      else if (url.startsWith('/thrown/')) throw httpError(Number(url.slice('/thrown/'.length)), MESSAGE)
      else sendEmpty(response, 404, 'Not Found')
    } catch (error) {
      sendEmpty(response, error.statusCode, error.message)
    }
  }))
}

function sendEmpty (response, statusCode, message) {
  response.writeHead(statusCode, message, { 'EB-REASON-PHRASE': message, 'content-length': '0' }).end()
}

async function listen (server) {
  await new Promise(resolve => { server.listen(0, '127.0.0.1', resolve) })
  return { server }
}
