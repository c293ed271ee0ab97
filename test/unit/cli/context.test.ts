import { EventEmitter } from 'node:events';
import { CliContext } from '../../../host/src/cli/context';
import type { TextSink } from '../../../host/src/cli/surroundings';

const silent: TextSink = { write: () => true };
const contextOf = (more: Partial<ConstructorParameters<typeof CliContext>[0]>) =>
  new CliContext({ stdout: silent, stderr: silent, env: {}, cwd: () => '/', ...more });

test.each(['drain', 'close'])(
  'what comes bit by bit waits for a reader that takes no more, until its %s',
  async (event) => {
    const reader = Object.assign(new EventEmitter(), { write: () => false });
    const context = contextOf({ stdout: reader });
    let written = false;
    const writing = context.write('a').then(() => {
      written = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(written).toBe(false);
    reader.emit(event);
    await writing;
    expect(reader.listenerCount('drain') + reader.listenerCount('close')).toBe(0);
  },
);

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('the first %s is heard, the next one is the system’s again', (name, code) => {
  const signals = new EventEmitter();
  const context = contextOf({
    on: (signal, listener) => signals.on(signal, listener),
    off: (signal, listener) => signals.off(signal, listener),
  });
  // Verbs that do not ask for it end as any program does.
  expect(signals.eventNames()).toEqual([]);
  expect(context.interrupted).toBe(false);
  const { signal } = context;
  expect(context.signal).toBe(signal);
  signals.emit(name);
  expect(signal.aborted).toBe(true);
  expect(context).toMatchObject({ interrupted: true, exitCode: code });
  expect(signals.eventNames()).toEqual([]);
});

test('a command that is over leaves no listener', async () => {
  const signals = new EventEmitter();
  const context = contextOf({
    on: (signal, listener) => signals.on(signal, listener),
    off: (signal, listener) => signals.off(signal, listener),
  });
  expect(context.signal.aborted).toBe(false);
  expect(signals.eventNames()).toEqual(['SIGINT', 'SIGTERM']);
  await context.close();
  expect(signals.eventNames()).toEqual([]);
});
