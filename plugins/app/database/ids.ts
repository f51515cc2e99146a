import { v7 as uuid } from 'uuid'

/** Returns a new id: the prefix, and the 32 lower-case digits of a UUIDv7, so that ids sort by the time of creation. */
export function createId (prefix: 'EBM' | 'EBT'): string {
  return `${prefix}-${uuid().replaceAll('-', '')}`
}

/** Returns an id as the database has it. A client can write the digits in either case; they are stored in lower case. */
export function normalizeId (id: string): string {
  return id.slice(0, 4) + id.slice(4).toLowerCase()
}
