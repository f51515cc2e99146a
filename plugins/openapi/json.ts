/** An object of an OpenAPI document. */
export type Json = Record<string, any>
