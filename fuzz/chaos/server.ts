// Runs the service until its standard input ends, so that it ends with the run.
import '../../server.js'

process.stdin.resume().on('end', () => { process.exit() })
// A service that fails to start ends by itself, as it would without an open standard input.
process.stdin.unref()
