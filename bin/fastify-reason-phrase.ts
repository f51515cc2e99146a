#!/usr/bin/env node
import { run } from './run.js'

try {
  process.exitCode = await run(process.argv.slice(2), process, process.env)
} catch (error) {
  // Not 1, which says that an operation was rejected (sysexits.h, EX_SOFTWARE).
  process.exitCode = 70
  console.error(error)
}
