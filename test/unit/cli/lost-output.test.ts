import { EventEmitter } from 'node:events';
import type { WatchOperationResponse } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { run } from '../../../host/src/cli/run';
import { AdminPlace } from '../admin/admin-place';

// What a command ends with that can't write what it has to say.

let place: AdminPlace;
beforeEach(() => {
  place = new AdminPlace();
});
afterEach(() => place.close());

/** A stream that refuses all, and says so a turn later, as those of a process do. */
class Refusing extends EventEmitter {
  constructor(readonly code: string) {
    super();
  }

  write(): boolean {
    process.nextTick(() => this.emit('error', Object.assign(new Error('no'), { code: this.code })));
    return true;
  }
}

/** The exit code of a command line, with one of its streams refusing, and what it wrote on stderr. */
async function codeOf(args: string[], stream: 'stdout' | 'stderr', code: string) {
  let stderr = '';
  let exited: number | undefined;
  const ended = await run([...args, '--socket', place.socket], {
    stdout: { write: () => true },
    stderr: { write: (text) => (stderr += text) },
    [stream]: new Refusing(code),
    env: {},
    cwd: () => '/',
    exit: (with_: number) => {
      exited ??= with_;
    },
  });
  return { code: exited ?? ended, stderr };
}

const serve = () =>
  place.serve({ listPlugins: () => ({ plugins: [] }), describePlugin: () => ({}), unpinPlugin: () => ({}) });

test('a failure stays one, although nobody reads what it is', async () => {
  for (const args of [['list'], ['upgrade', 'kv', '2.0.0']])
    expect(await codeOf(args, 'stderr', 'EPIPE')).toMatchObject({ code: 3 });
  expect(await codeOf(['list', '--bogus'], 'stderr', 'ENOSPC')).toMatchObject({ code: 2 });
});

test('a reader that has had enough ends what is for reading, without a word', async () => {
  await serve();
  expect(await codeOf(['list', '--json'], 'stdout', 'EPIPE')).toEqual({ code: 0, stderr: '' });
});

test('what does something does it without a reader, and ends with what came of it', async () => {
  const operation = {
    id: 'kv-1',
    plugin: 'kv',
    operation: 'restart',
    fromVersion: '1.0.0',
    toVersion: '1.0.0',
  };
  const failure = { code: 'ABORTED', summary: 'It was given up.', facts: {}, hint: '' };
  let ends: WatchOperationResponse = { update: undefined };
  await place.serve({
    describePlugin: () => ({}),
    unpinPlugin: () => ({}),
    beginOperation: () => ({ operation }),
    async *watchOperation() {
      yield ends;
    },
  });
  expect(await codeOf(['unpin', 'kv'], 'stdout', 'EPIPE')).toEqual({ code: 0, stderr: '' });
  ends = { update: { $case: 'error', value: failure } };
  expect(await codeOf(['restart', 'kv'], 'stdout', 'EPIPE')).toMatchObject({ code: 4 });
  ends = { update: { $case: 'report', value: { totalMs: 1 } } };
  expect(await codeOf(['restart', 'kv'], 'stdout', 'EPIPE')).toEqual({ code: 0, stderr: '' });
});

test('where there is no room for it, that is said, and is a failure', async () => {
  await serve();
  const said = 'plugd: stdout can not be written: ENOSPC\n';
  expect(await codeOf(['list', '--json'], 'stdout', 'ENOSPC')).toEqual({
    code: 1,
    stderr: expect.stringContaining('"code": "OUTPUT_FAILED"'),
  });
  expect(await codeOf(['version'], 'stdout', 'ENOSPC')).toEqual({ code: 1, stderr: said });
  expect(await codeOf(['unpin', 'kv'], 'stdout', 'ENOSPC')).toEqual({ code: 1, stderr: said });
});
