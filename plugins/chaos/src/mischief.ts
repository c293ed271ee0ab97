import { spawn } from 'node:child_process';
import { writeSync } from 'node:fs';

/** Nothing that this plugin starts lives for ever, even where nobody ends it. */
const LIFE_SECONDS = 600;

/** Writes all of it, also where the pipe was set non-blocking by somebody. */
export function write(fd: 1 | 2, data: string | Buffer): void {
  const bytes = Buffer.from(data);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') throw error;
      sleep(1);
    }
  }
}

/** Longer than anybody waits. */
const HANG_MS = 60_000;

/** Hangs with the whole process. */
export function block(): void {
  sleep(HANG_MS);
}

/** Blocks the whole process. */
export function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Starts a process that outlives this one and says which it is on stderr. */
export function grandchild(options: { readonly keepsPipes: boolean; readonly ownSession: boolean }): void {
  const child = spawn('sleep', [String(LIFE_SECONDS)], {
    stdio: options.keepsPipes ? 'inherit' : 'ignore',
    detached: options.ownSession,
  });
  child.unref();
  write(2, `grandchild ${child.pid}\n`);
}

/** Starts so many processes, each in a session of its own, and says when they are there. */
export function bomb(count: number): void {
  for (let i = 0; i < count; i++) child();
  write(2, `${count} children\n`);
}

/** The same between calls, which are answered all the while: each start takes some milliseconds. */
export function bombAtWork(count: number): void {
  if (count <= 0) return;
  child();
  setImmediate(bombAtWork, count - 1);
}

function child(): void {
  spawn('sleep', [String(LIFE_SECONDS)], { stdio: 'ignore', detached: true }).unref();
}

const contents: Record<string, () => Buffer> = {
  lines: () => Buffer.from(`${'x'.repeat(79)}\n`.repeat(800)),
  'empty-lines': () => Buffer.alloc(65_536, '\n'),
  'no-line': () => Buffer.alloc(65_536, 'x'),
  binary: () => Buffer.from(Array.from({ length: 65_536 }, (_, i) => (i * 167 + 13) % 256)),
  json: () =>
    Buffer.from(`${JSON.stringify({ '@level': 'info', '@message': 'flood', n: 1 })}\n`.repeat(1_200)),
  nested: () => Buffer.from(`${'['.repeat(65_000)}\n`),
};

export function floodBlock(kind: string): Buffer {
  return (contents[kind] ?? contents['lines'])?.() ?? Buffer.alloc(0);
}

/** Prints so much before it does anything else. */
export function floodAtOnce(fd: 1 | 2, kind: string, megabytes: number): void {
  const block = floodBlock(kind);
  for (let left = megabytes * 1024 * 1024; left > 0; left -= block.length) write(fd, block);
}

/** Prints without an end, or `megabytes` of it; calls are answered in between. */
export function flood(fd: 1 | 2, kind: string, megabytes: number): void {
  const block = floodBlock(kind);
  let left = megabytes * 1024 * 1024;
  const next = (): void => {
    write(fd, block);
    left -= block.length;
    if (left > 0) setImmediate(next);
    else write(fd, '\nflood done\n');
  };
  next();
}

/** Stays without doing anything. */
export function stay(): void {
  setTimeout(() => process.exit(99), LIFE_SECONDS * 1000);
}

export function crash(): never {
  process.kill(process.pid, 'SIGKILL');
  // The signal is delivered before the call returns; if it ever were not, this is the same in effect.
  process.abort();
}

/** Ends as a Go program does that panics: a wall of text. */
export function panic(): never {
  write(2, `panic: no such luck\n\n${'goroutine 1 [running]:\n'.repeat(2_000)}exit status 2\n`);
  process.exit(2);
}
