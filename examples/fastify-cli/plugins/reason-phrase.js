export { default } from 'fastify-reason-phrase'
