// A server in a process of its own: tells its port, and what it has used so far.
import './same-modules.js'

const [, , name, options] = process.argv

const { default: start } = await import(`./servers/${name}.js`)
const server = await start(JSON.parse(options))

// What was sent tells how many were answered, at no cost to an answer.
const sockets = new Set()
let bytes = 0
server.on('connection', socket => {
  sockets.add(socket)
  socket.once('close', () => {
    sockets.delete(socket)
    bytes += socket.bytesWritten
  })
})

// Who asks may be ended by hand.
process.on('disconnect', () => process.exit())
process.on('message', async message => {
  if (message === 'end') {
    await server.end?.()
    process.exit()
  }
  if (message === 'collect') global.gc()
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed } = process.memoryUsage()
  process.send({ cpu: user + system, sent: [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, bytes), rss, heapUsed })
})
process.send({ port: server.address().port, topic: server.topic })
