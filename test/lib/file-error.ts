import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { describeFileError } from '../../lib/file-error.js'

t.test('describes why a file cannot be used', async t => {
  const folder = t.testdir()
  const file = join(folder, 'file')
  writeFileSync(file, '')
  const errorOf = (action: () => unknown): NodeJS.ErrnoException => {
    try {
      action()
    } catch (error) {
      return error as NodeJS.ErrnoException
    }
    throw new Error('It did not fail')
  }
  t.equal(describeFileError(errorOf(() => readFileSync(join(folder, 'none')))), 'there is no such file')
  t.equal(describeFileError(errorOf(() => readFileSync(folder))), 'it is a folder, not a file')
  t.equal(describeFileError(errorOf(() => readFileSync(join(file, 'x')))), 'a part of its path is a file, not a folder')
  t.equal(describeFileError(errorOf(() => mkdirSync(file))), 'a part of its path is a file, not a folder')
  t.equal(describeFileError(errorOf(() => readFileSync(join(folder, 'x'.repeat(300))))), 'its name is too long')
  for (const [code, reason] of [['EACCES', 'permission denied'], ['EPERM', 'permission denied'], ['EROFS', 'the file system is read-only'], ['ENOSPC', 'the disk is full'], ['EMFILE', 'EMFILE']] as const) {
    t.equal(describeFileError(Object.assign(new Error('a secret'), { code })), reason)
  }
  t.equal(describeFileError(new Error('a secret')), 'unknown error')
})
