const crashes: unknown[] = []

/** Has what would end the process counted, so that it is known whose it is. */
export function watchForCrashes (): void {
  process.on('uncaughtException', error => { crashes.push(error) })
  process.on('unhandledRejection', error => { crashes.push(error) })
}

/** What would have ended the process since the last call, in words. */
export function takeCrashes (): string[] {
  return crashes.splice(0).map(describe)
}

function describe (thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown)
  } catch {
    return 'something that cannot be described'
  }
}
