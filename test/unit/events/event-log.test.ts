import { EventLog } from '../../../host/src/events/event-log';
import type { HostEvent, HostEventDraft } from '../../../host/src/events/host-event';
import { RecordingLogger } from '../../support/recording-logger';

const draft: HostEventDraft = {
  type: 'plugin',
  plugin: 'kv',
  version: '1.0.0',
  generation: 1,
  from: undefined,
  to: 'starting',
  cause: { reason: 'asked' },
};

test('events are numbered from 1, also while nobody listens', () => {
  const log = new EventLog(new RecordingLogger());
  log.emit(draft);
  const seen: HostEvent[] = [];
  log.add((event) => seen.push(event));
  log.emit(draft);
  log.emit(draft);
  expect(seen.map(({ sequence }) => sequence)).toEqual([2, 3]);
  expect(seen[0]).toMatchObject(draft);
});

test('each listener gets each event once, in the order in which they were added', () => {
  const log = new EventLog(new RecordingLogger());
  const seen: string[] = [];
  const first = (event: HostEvent): void => void seen.push(`first ${event.sequence}`);
  log.add(first);
  log.add(first);
  log.add((event) => seen.push(`second ${event.sequence}`));
  log.emit(draft);
  log.remove(first);
  log.emit(draft);
  expect(seen).toEqual(['first 1', 'second 1', 'second 2']);
});

test('a listener that throws is logged, and the others are called all the same', () => {
  const logger = new RecordingLogger();
  const log = new EventLog(logger);
  const seen: number[] = [];
  log.add(() => {
    throw new Error('a listener of the application');
  });
  log.add(({ sequence }) => seen.push(sequence));
  log.emit(draft);
  expect(seen).toEqual([1]);
  expect(logger.records).toMatchObject([{ level: 'error', fields: { type: 'plugin' } }]);
});

test('a listener whose promise is rejected is logged, and both kinds of failure are counted', async () => {
  const logger = new RecordingLogger();
  const log = new EventLog(logger);
  log.add(async () => {
    throw new Error('later');
  });
  log.add(() => {
    throw new Error('at once');
  });
  log.emit(draft);
  log.emit(draft);
  await new Promise((resolve) => setImmediate(resolve));
  expect(logger.records).toHaveLength(4);
  expect(log.counters).toEqual({ emitted: 2, listenersFailed: 4 });
});

test('events that a listener brings forth come after its own, for every listener', () => {
  const log = new EventLog(new RecordingLogger());
  const seen: string[] = [];
  log.add(({ sequence }) => {
    if (sequence === 1) log.emit(draft);
    seen.push(`first ${sequence}`);
  });
  log.add(({ sequence }) => seen.push(`second ${sequence}`));
  log.emit(draft);
  expect(seen).toEqual(['first 1', 'second 1', 'first 2', 'second 2']);
});

test('a listener may remove itself, or add another, while it is called', () => {
  const log = new EventLog(new RecordingLogger());
  const seen: string[] = [];
  const once = ({ sequence }: HostEvent): void => {
    seen.push(`once ${sequence}`);
    log.remove(once);
    log.add((later) => seen.push(`later ${later.sequence}`));
  };
  log.add(once);
  log.add(({ sequence }) => seen.push(`always ${sequence}`));
  log.emit(draft);
  log.emit(draft);
  expect(seen).toEqual(['once 1', 'always 1', 'always 2', 'later 2']);
});
