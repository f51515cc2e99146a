import { existsSync, unwatchFile, watchFile } from 'node:fs'
import fp from 'fastify-plugin'
import signature from '../../signature/index.js'
import { createKeysFile, readKeysFile } from './file.js'

/** The options of the plugin. */
export interface KeysOptions {
  /** The key file: a JSON array of `{ id, secret, permissions }`. Default: `keys.json`. */
  keysFile?: string
  /** Whether a missing file is created. The new file has one key. Default: `true`. */
  makeKeys?: boolean
}

const WATCH_INTERVAL_MS = 1000

/** Verifies the signature of each request with the keys of a file. The file can be edited while the service runs. */
export default fp<KeysOptions>(async function keys (app, { keysFile: file = 'keys.json', makeKeys = true }) {
  if (makeKeys && !existsSync(file) && await createKeysFile(file)) {
    app.log.info(`Created ${file} with one key, dev, that has every permission`)
  }
  let keys = await readKeysFile(file)

  async function reload (): Promise<void> {
    try {
      keys = await readKeysFile(file)
      app.log.info(`Reloaded the keys: ${keys.size}`)
    } catch (error) {
      app.log.error(`The previous keys stay in use. ${(error as Error).message}`)
    }
  }
  // watchFile() polls the path. If an editor replaces the file by a new one, watch() would follow the old file.
  watchFile(file, { interval: WATCH_INTERVAL_MS, persistent: false }, reload)
  app.addHook('onClose', async () => { unwatchFile(file, reload) })

  await app.register(signature, { keys: id => keys.get(id) })
}, { name: 'keys' })
