/** The description of the symbol under which the config of an outcome route contains the routes of its operations. */
export const OPERATIONS = 'fastify-reason-phrase.operations'
