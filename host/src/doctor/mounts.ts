import { readFileSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';

/** The file system that a path is on. */
export interface Mount {
  readonly point: string;
  /** `ext4`, `tmpfs`, `nfs4`. */
  readonly type: string;
  /** `ro`, `noexec`. */
  readonly options: readonly string[];
}

/** The mounts of this process, in the order in which they were made; none where the system has no such list. */
export function readMounts(file = '/proc/self/mountinfo'): Mount[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , , point, options] = before.split(' ');
    const [type, , superOptions = ''] = after.split(' ');
    if (point === undefined || options === undefined || type === undefined) return [];
    const all = [...new Set([...options.split(','), ...superOptions.split(',')])];
    return [{ point: unescaped(point), type, options: all }];
  });
}

/** The mount that a path is on, or would be if it were there; undefined where that can't be told. */
export function mountOf(path: string, mounts: readonly Mount[] = readMounts()): Mount | undefined {
  const real = nearest(path);
  let found: Mount | undefined;
  for (const mount of mounts) {
    const base = mount.point === '/' ? '/' : `${mount.point}/`;
    if (real !== mount.point && !real.startsWith(base)) continue;
    // Of two on the same directory the later one is to be seen.
    if (found === undefined || mount.point.length >= found.point.length) found = mount;
  }
  return found;
}

/** The real path of what is there, or of the nearest directory above it that is. */
export function nearest(path: string): string {
  for (let at = path; ; at = dirname(at)) {
    try {
      return realpathSync(at);
    } catch {
      if (dirname(at) === at) return at;
    }
  }
}

/** Blanks and the like stand there as octal numbers. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
