// Ajv compiles a pattern with the flag `u`. Generated clients use `u`, `v` or no flag. Without a flag, `\p{…}` has another
// meaning, and a character above U+FFFF is a pair of surrogates.
const PAIR = '[\\ud800-\\udbff][\\udc00-\\udfff]'
const CONTROLS = '\\u0000-\\u001f\\u007f-\\u009f'
const SURROGATES = '\\ud800-\\udfff'

// PostgreSQL does not store NUL and lone surrogates, and SQLite cuts a text at NUL, so the schemas do not allow them.
const LINE_CHARACTER = `(?:[^${CONTROLS}${SURROGATES}]|${PAIR})`

/** The pattern of a text without control characters and lone surrogates. */
export const LINE = `^${LINE_CHARACTER}+$`

/** The pattern of a text like {@link LINE} with at least one character that is not white space. */
export const VISIBLE_LINE = `^[^\\S${CONTROLS}]*(?:[^\\s${CONTROLS}${SURROGATES}]|${PAIR})${LINE_CHARACTER}*$`

/** The pattern of a text without NUL and lone surrogates. It can be empty. */
export const TEXT = `^(?:[^\\u0000${SURROGATES}]|${PAIR})*$`
