import { PluginError } from '@plugd/protocol/plugin-error';
import { Failures } from '../../../host/src/watch/failures';

const attempt = { name: 'kv', version: '1.0.0', digest: 'one', settings: '' };
const error = new PluginError('EXITED_BEFORE_HANDSHAKE', 'it left');

test('what failed is known by its content and its settings, until somebody wants it tried again', () => {
  const failures = new Failures();
  failures.add(attempt, error);
  expect(failures.of(attempt)).toBe(error);
  expect(failures.of({ ...attempt, digest: 'two' })).toBeUndefined();
  expect(failures.of({ ...attempt, settings: 'others' })).toBeUndefined();
  expect(failures.of({ ...attempt, name: 'k' })).toBeUndefined();
  failures.forgetPassing();
  failures.forget('kv', '2.0.0');
  expect(failures.of(attempt)).toBe(error);
  failures.forget('kv');
  expect(failures.of(attempt)).toBeUndefined();
});

test.each(['RUN_DIR_FULL', 'JOURNAL_FAILED', 'MEMORY_SHORT'] as const)(
  '%s says nothing of the version: it is tried again with the next look at everything',
  (code) => {
    const failures = new Failures();
    failures.add(attempt, new PluginError(code, 'no room'));
    failures.add({ ...attempt, version: '2.0.0' }, error);
    failures.forgetPassing();
    expect(failures.of(attempt)).toBeUndefined();
    expect(failures.of({ ...attempt, version: '2.0.0' })).toBe(error);
  },
);

test('what this host has given up is tried again when it is wanted, and what somebody has aborted is not', () => {
  const failures = new Failures();
  const aborted = new PluginError('ABORTED', 'not wanted');
  failures.add(attempt, aborted, true);
  failures.add({ ...attempt, version: '2.0.0' }, aborted);
  failures.forgetPassing();
  expect(failures.of(attempt)).toBeUndefined();
  expect(failures.of({ ...attempt, version: '2.0.0' })).toBe(aborted);
});
