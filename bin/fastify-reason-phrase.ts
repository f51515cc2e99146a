#!/usr/bin/env node
import { run } from './run.js'

try {
  process.exitCode = await run(process.argv.slice(2), process, process.env)
} catch (error) {
  // Exit code 1 would mean that the operation was rejected. 70 is EX_SOFTWARE of sysexits.h.
  process.exitCode = 70
  console.error(error)
}
