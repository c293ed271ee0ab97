import { eventText } from '../../../host/src/cli/event-text';
import { logDocument, logText } from '../../../host/src/cli/log-text';
import { painted, plain } from '../../../host/src/cli/output/colour';

const text = (event: Record<string, unknown>) => eventText(event).text;

test('a line says of each kind of event what has happened, and why', () => {
  expect(
    text({
      type: 'instance',
      instance: 'kv-1-2',
      version: '1.0.0',
      pid: 7,
      from: 'serving',
      to: 'failed',
      cause: { reason: 'crash', message: 'it ended with exit code 3.', code: 'PLUGIN_EXITED' },
    }),
  ).toBe(
    'instance kv-1-2 of 1.0.0, process 7: serving → failed (crash [PLUGIN_EXITED]: it ended with exit code 3.)',
  );
  expect(text({ type: 'plugin', version: '', to: 'starting', cause: { reason: 'asked' } })).toBe(
    'plugin at no version: starting (asked)',
  );
  expect(
    text({
      type: 'operation',
      operation: 'upgrade',
      step: 'warm',
      phase: 'done',
      percent: 40,
      fromVersion: '1.0.0',
      toVersion: '1.1.0',
      cause: { reason: 'asked' },
    }),
  ).toBe('upgrade 1.0.0 → 1.1.0: warm done, 40 % (asked)');
  const restart = { type: 'restart', instance: 'kv-1-2', attempt: 2, delayMs: 250, elapsedMs: 1234.5 };
  expect(text({ ...restart, phase: 'scheduled' })).toBe(
    'replacing instance kv-1-2: scheduled, attempt 2, in 250 ms',
  );
  expect(text({ ...restart, phase: 'done' })).toBe(
    'replacing instance kv-1-2: done, attempt 2, 1235 ms after the loss',
  );
  expect(text({ type: 'outlier', instance: 'kv-1-2', phase: 'out', cause: { reason: 'latency' } })).toBe(
    'instance kv-1-2 gets no calls for a while (latency)',
  );
  expect(text({ type: 'artifact', version: '1.1.0', phase: 'waiting', cause: { reason: 'directory' } })).toBe(
    'version 1.1.0 on disk: waiting (directory)',
  );
});

test('an event of a newer daemon is told of by its fields, and one that makes no sense spoils nothing', () => {
  expect(text({ type: 'moon', sequence: 3, phase: 'full', depth: { a: 1 } })).toBe('moon phase=full');
  expect(text({})).toBe('');
  expect(text({ type: 'restart', phase: 7, elapsedMs: 'x' })).toContain('replacing instance');
});

const entry = {
  time: Date.UTC(2026, 4, 1),
  level: 'warn',
  message: 'slow\u001b[31m\nsecond',
  plugin: 'kv',
  version: '1.0.0',
  generation: 2,
  instance: 'kv-2-1',
  fields: { took: 12, path: 'a b', 'k\u0007': 'x', list: ['\u009b'] },
};

test('a log record is one line, whatever it holds', () => {
  expect(logText(entry, plain)).toBe(
    '2026-05-01T00:00:00.000Z  WARN   kv@1.0.0 kv-2-1  slow\\x1b[31m\\nsecond took=12 path="a b" k\\x07=x list=["\\u009b"]',
  );
  // Only our own colours reach the terminal.
  expect(logText(entry, painted).replace(/\u001b\[\d+m/g, '')).toBe(logText(entry, plain));
});

test('what the daemon itself logs has no plugin', () => {
  const own = {
    ...entry,
    plugin: '',
    version: '',
    generation: 0,
    instance: '',
    message: 'runs',
    fields: undefined,
  };
  expect(logText(own, plain)).toBe('2026-05-01T00:00:00.000Z  WARN   plugd  runs');
  expect(logDocument(own)).toEqual({
    time: entry.time,
    level: 'warn',
    message: 'runs',
    plugin: null,
    version: null,
    generation: null,
    instance: null,
    fields: {},
  });
});
