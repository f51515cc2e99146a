/** The part of a result of `pg` that tells what a statement did. */
export interface CommandResult {
  readonly command: string
}

/**
 * Checks the result of a query that ends with COMMIT. PostgreSQL answers COMMIT
 * with ROLLBACK, and without an error, after an error in the transaction.
 *
 * @param result that of the statement, or those of several statements
 * @throws {Error} if the transaction was rolled back
 */
export function checkCommit (result: CommandResult | CommandResult[]): void {
  const { command } = Array.isArray(result) ? result[result.length - 1] : result
  if (command !== 'COMMIT') throw new Error('The database has rolled the transaction back, because one of its statements failed')
}
