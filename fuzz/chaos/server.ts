// Runs the service until its standard input ends, so that it ends with the run.
import '../../server.js'

process.stdin.resume().on('end', () => { process.exit() })
