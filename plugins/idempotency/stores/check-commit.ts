/** The part of a result of `pg` that names the executed command. */
export interface CommandResult {
  readonly command: string
}

/**
 * Checks the result of a query that ends with COMMIT. If a statement of the
 * transaction has failed, PostgreSQL rolls back on COMMIT, and reports no error.
 *
 * @param result the result of one statement, or the results of several
 * @throws {Error} if the transaction was rolled back
 */
export function checkCommit (result: CommandResult | CommandResult[]): void {
  const { command } = Array.isArray(result) ? result[result.length - 1] : result
  if (command !== 'COMMIT') throw new Error('fastify-reason-phrase: the database has rolled the transaction back instead of committing it, because one of its statements failed. Do not catch the errors of statements in a handler')
}
