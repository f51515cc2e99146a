export { default } from './plugins/reason-phrase.js'
export * from './plugins/reason-phrase.js'
export * from './plugins/server-options.js'
