const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EEXIST: 'a part of its path is a file, not a folder',
  EISDIR: 'it is a folder, not a file',
  ENAMETOOLONG: 'its name is too long',
  ENOENT: 'there is no such file',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only'
}

/** Returns why a file cannot be used, as a clause for a message: a known reason, or the code of the error. Quotes no content. */
export function describeFileError ({ code = 'unknown error' }: NodeJS.ErrnoException): string {
  return REASONS[code] ?? code
}
