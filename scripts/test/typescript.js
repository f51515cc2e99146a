// Lets Node run the TypeScript of this project. The loader of tsx puts all code on one line, so that its coverage is wrong.
import { register } from 'node:module'

// Tests look for warnings. Node 26 deprecates register(), whose replacement cannot wait for esbuild.
const { noDeprecation } = process
process.noDeprecation = true
register('./typescript-hooks.js', import.meta.url)
process.noDeprecation = noDeprecation
