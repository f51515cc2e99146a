// Starts a server in its own process. The process sends its port. Then it replies to each message with its CPU time so far.
import { once } from 'node:events'

const [, , module, name] = process.argv

// Ctrl-C reaches every process of the terminal. This one waits for the disconnect that follows, so that it can close.
process.on('SIGINT', () => {})
const disconnected = once(process, 'disconnect')

const { default: servers } = await import(`./servers/${module}.js`)
const { server, topicId, settle = () => {}, close = () => {} } = await servers[name]()

// Connections stay open between the slices, because opening them again would be measured as well.
server.keepAliveTimeout = 600_000

process.on('message', async () => {
  await settle()
  const { user, system } = process.cpuUsage()
  process.send(user + system)
})
if (process.connected) process.send({ port: server.address().port, topicId })

await disconnected
await close()
process.exit()
