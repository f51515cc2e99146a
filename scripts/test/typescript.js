// Lets Node run the TypeScript of this project. The loader of tsx puts all code on one line, so that its coverage is wrong.
import { register } from 'node:module'

register('./typescript-hooks.js', import.meta.url)
