import { sql, type CompiledQuery, type Kysely, type RawBuilder } from 'kysely'
import type { Tables } from './tables.js'

/** The parameters of a query, as expressions for the query builder. */
export type Parameters<Values> = { [Name in keyof Values]: RawBuilder<Values[Name]> }

/** Runs a query with values for its parameters, on a transaction or on the database. Returns its rows. */
export type Query<Values, Row> = (db: Kysely<Tables>, values: Values) => Promise<Row[]>

/** Builds and compiles a query once, and returns a function that runs it. */
export type Compile = <Values extends object, Row>(
  build: (db: Kysely<Tables>, parameters: Parameters<Values>) => CompiledQuery<Row>
) => Query<Values, Row>

// Holds the place of a value while the query is built.
class Placeholder {
  constructor (readonly name: PropertyKey) {}
}

/** Returns the method `app.database.compile`. */
export function createCompile (db: Kysely<Tables>): Compile {
  return <Values extends object, Row>(build: (db: Kysely<Tables>, parameters: Parameters<Values>) => CompiledQuery<Row>): Query<Values, Row> => {
    const placeholders = new Proxy({} as Parameters<Values>, { get: (_, name) => sql`${new Placeholder(name)}` })
    const query = build(db, placeholders)
    return async (db, values) => {
      const parameters = query.parameters.map(value => value instanceof Placeholder ? Reflect.get(values, value.name) : value)
      const { rows } = await db.executeQuery<Row>({ ...query, parameters })
      return rows
    }
  }
}
