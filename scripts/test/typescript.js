// Lets Node run the TypeScript of this project. The loader of tsx is not used, because it emits all code on one line, which
// makes the coverage wrong.
import { register } from 'node:module'

// Hide the deprecation of register() in Node 26, because some tests fail on warnings. Its replacement is synchronous, and
// esbuild is not.
const { noDeprecation } = process
process.noDeprecation = true
register('./typescript-hooks.js', import.meta.url)
process.noDeprecation = noDeprecation
