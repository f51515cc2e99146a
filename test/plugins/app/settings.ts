import t from 'tap'
import { createListenError, InvalidSetting, readSettings } from '../../../plugins/app/settings.js'

t.test('has defaults for variables that are missing or empty', async t => {
  const defaults = {
    host: '127.0.0.1',
    port: 3000,
    logLevel: 'info',
    drainTime: 10_000,
    databaseFile: undefined,
    databaseUrl: undefined,
    keysFile: undefined,
    messageBacklog: undefined,
    isProduction: false
  }
  t.strictSame(readSettings({}), defaults)
  t.strictSame(readSettings({ HOST: '', PORT: '', LOG_LEVEL: '', DRAIN_TIME: '', DATABASE_FILE: '', DATABASE_URL: '', KEYS_FILE: '', MESSAGE_BACKLOG: '', NODE_ENV: '' }), defaults)
})

t.test('reads the values of the variables', async t => {
  t.strictSame(readSettings({
    HOST: '::1', PORT: '0', LOG_LEVEL: 'silent', DRAIN_TIME: '2147483647', DATABASE_FILE: 'a', DATABASE_URL: 'b', KEYS_FILE: 'c', MESSAGE_BACKLOG: '0', NODE_ENV: 'production'
  }), {
    host: '::1', port: 0, logLevel: 'silent', drainTime: 2_147_483_647, databaseFile: 'a', databaseUrl: 'b', keysFile: 'c', messageBacklog: 0, isProduction: true
  })
})

t.test('throws for an invalid value, and names the variable', async t => {
  for (const [name, rule, values] of [
    ['PORT', 'a number from 0 to 65535', ['abc', '99999', '65536', '-1', '3000.5', '0x50', '1e3', ' 3000', '3000;', 'NaN', 'Infinity']],
    ['LOG_LEVEL', 'fatal, error, warn, info, debug, trace or silent', ['verbose', 'INFO', '30', 'toString']],
    ['DRAIN_TIME', 'a number of milliseconds from 1 to 2147483647', ['soon', '0', '-1', '10s', '9999999999']],
    ['MESSAGE_BACKLOG', 'a number of messages, 0 or more', ['many', '-1', '1.5', '9'.repeat(20)]]
  ] as const) {
    for (const value of values) {
      const message = `${name} must be ${rule}, not "${value}"`
      t.throws(() => readSettings({ [name]: value }), new InvalidSetting(message), message)
    }
  }
})

t.test('names the variable of an address on which the service cannot listen', async t => {
  const settings = { ...readSettings({}), host: 'example', port: 80 }
  const message = (code: string, syscall = 'listen') => createListenError(Object.assign(new Error('listen failed'), { code, syscall }), settings).message
  t.equal(message('EADDRINUSE'), 'PORT 80 is in use on example. Stop the program that uses it, or set another PORT')
  t.equal(message('EACCES'), 'PORT 80 cannot be used: permission denied. Set a PORT from 1024')
  t.equal(message('EADDRNOTAVAIL'), 'HOST "example" is not an address of this machine')
  t.equal(message('ENOTFOUND', 'getaddrinfo'), 'HOST "example" cannot be resolved to an address: ENOTFOUND')
  t.equal(message('EAFNOSUPPORT'), 'HOST "example" and PORT 80 cannot be used: listen failed')
})
