// Runs the service until its standard input ends. So the service ends together with the process of the run.
import '../../server.js'

process.stdin.resume().on('end', () => { process.exit() })
// Without unref(), the open standard input would keep a service alive that has failed to start.
process.stdin.unref()
