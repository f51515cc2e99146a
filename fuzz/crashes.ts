const crashes: unknown[] = []

/** Records uncaught exceptions and unhandled rejections, so that they can be reported with the run that caused them. */
export function watchForCrashes (): void {
  process.on('uncaughtException', error => { crashes.push(error) })
  process.on('unhandledRejection', error => { crashes.push(error) })
}

/** Returns the crashes since the last call, as text. */
export function takeCrashes (): string[] {
  return crashes.splice(0).map(describe)
}

function describe (thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown)
  } catch {
    return 'a value that cannot be converted to text'
  }
}
