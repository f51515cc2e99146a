// A server in a process of its own. It sends its port, and then its CPU time so far for each message.
const [, , module, name] = process.argv

const { default: servers } = await import(`./servers/${module}.js`)
const { server, topicId, settle = () => {}, close = () => {} } = await servers[name]()

// Connections stay open between the slices, because opening them again would be measured as well.
server.keepAliveTimeout = 600_000

process.on('message', async () => {
  await settle()
  const { user, system } = process.cpuUsage()
  process.send(user + system)
})
// Ctrl-C ends all processes of the terminal. This one ends by the disconnect that follows, so that it closes.
process.on('SIGINT', () => {})
process.on('disconnect', async () => {
  await close()
  process.exit()
})
process.send({ port: server.address().port, topicId })
