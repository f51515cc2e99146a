#!/usr/bin/env node
import { EXIT_SOFTWARE } from './command.js'
import { run } from './run.js'

try {
  process.exitCode = await run(process.argv.slice(2), process, process.env)
} catch (error) {
  process.exitCode = EXIT_SOFTWARE
  console.error(error)
}
