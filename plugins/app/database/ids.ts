import { v7 as uuid } from 'uuid'

/** Returns a new id: the prefix and the 32 lower-case digits of a UUIDv7. Ids sort by the time of creation. */
export function createId (prefix: 'EBM' | 'EBT'): string {
  return `${prefix}-${uuid().replaceAll('-', '')}`
}

/** Returns an id in the form of the database, with digits in lower case. Clients may send the digits in either case. */
export function normalizeId (id: string): string {
  return id.slice(0, 4) + id.slice(4).toLowerCase()
}
