import { formatReport } from './report.js'
import { runChaos } from './run.js'
import { readSettings } from './settings.js'

// process.exit() runs the exit listeners, which kill the service processes.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => { process.exit(1) })

const settings = readSettings()
const { database, seconds, seed, fault } = settings
console.log(`chaos: ${database}, ${seconds} seconds, seed ${seed}${fault === undefined ? '' : `, with the planted fault ${fault}`}`)
const report = await runChaos(settings, line => { console.log(line) })
for (const line of formatReport(report)) console.log(line)
process.exit(report.violations.length + report.problems.length > 0 ? 1 : 0)
