import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, type writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FdWriter } from '../../../sdk/src/stdio/fd-writer';
import { poll } from '../../support/poll';

/** A descriptor whose other end takes so many bytes at a time, and then none until it is asked to. */
class NarrowPipe {
  taken = '';
  room = 0;
  failure: string | undefined;

  readonly write = ((_fd: number, bytes: Uint8Array, offset: number): number => {
    if (this.failure !== undefined) throw Object.assign(new Error(this.failure), { code: this.failure });
    if (this.room === 0) throw Object.assign(new Error('full'), { code: 'EAGAIN' });
    const part = bytes.subarray(offset, offset + this.room);
    this.taken += Buffer.from(part).toString();
    this.room -= part.length;
    return part.length;
  }) as typeof writeSync;
}

test('a line is out when write returns', () => {
  const directory = mkdtempSync(join(tmpdir(), 'fd-writer-'));
  const file = join(directory, 'out');
  const fd = openSync(file, 'w');
  new FdWriter(fd).write('grün\n');
  expect(readFileSync(file, 'utf8')).toBe('grün\n');
  closeSync(fd);
  rmSync(directory, { recursive: true });
});

test('what does not go out now goes out later, in order', async () => {
  const pipe = new NarrowPipe();
  const writer = new FdWriter(1, pipe.write);
  pipe.room = 3;
  writer.write('one two ');
  writer.write('three');
  expect(pipe.taken).toBe('one');
  pipe.room = 2;
  expect(writer.flush(0)).toBe(false);
  expect(pipe.taken).toBe('one t');
  pipe.room = 100;
  await poll(
    () => pipe.taken,
    (taken) => taken === 'one two three',
  );
  expect(writer.flush(0)).toBe(true);
});

test('waiting for an end that never takes anything has a limit', () => {
  const writer = new FdWriter(1, new NarrowPipe().write);
  writer.write('nobody wants this');
  const begun = performance.now();
  expect(writer.flush(50)).toBe(false);
  expect(performance.now() - begun).toBeLessThan(1000);
});

test.each(['EPIPE', 'EBADF', 'EIO'])('%s is not the writer’s business', (failure) => {
  const pipe = new NarrowPipe();
  pipe.failure = failure;
  const writer = new FdWriter(1, pipe.write);
  expect(() => writer.write('into the void')).not.toThrow();
  expect(writer.flush(0)).toBe(true);
});

test('memory for what waits is bounded', () => {
  const pipe = new NarrowPipe();
  const writer = new FdWriter(1, pipe.write);
  for (let i = 0; i < 3000; i++) writer.write('x'.repeat(1024));
  writer.write('the end');
  pipe.room = Number.MAX_SAFE_INTEGER;
  expect(writer.flush(100)).toBe(true);
  expect(pipe.taken.length).toBeLessThan(1.1 * 1024 * 1024);
  expect(pipe.taken.endsWith('the end')).toBe(true);
});
