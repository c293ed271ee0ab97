import { OperationQueue } from '../../../host/src/upgrade/operation-queue';
import { failureOf } from '../../support/host-room';
import { Gate } from '../../upgrade/gate';

test('operations run one at a time, in the order in which they came', async () => {
  const queue = new OperationQueue('kv');
  const log: string[] = [];
  const work = (name: string) => async (): Promise<string> => {
    log.push(`${name} begins`);
    await new Promise((next) => setImmediate(next));
    log.push(`${name} ends`);
    return name;
  };
  const names = ['a', 'b', 'c'];
  expect(await Promise.all(names.map((name) => queue.run(name, 'wait', work(name))))).toEqual(names);
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  expect(queue.running).toBeUndefined();
});

test('one that fails does not keep the next from running', async () => {
  const queue = new OperationQueue('kv');
  const failing = queue.run('a', 'wait', () => Promise.reject(new Error('a failed')));
  const throwing = queue.run('b', 'wait', () => {
    throw new Error('b threw');
  });
  const good = queue.run('c', 'wait', async () => 'c');
  await expect(failing).rejects.toThrow('a failed');
  await expect(throwing).rejects.toThrow('b threw');
  expect(await good).toBe('c');
});

test('one that would not wait is refused at once, while another runs or waits, and is never begun', async () => {
  const queue = new OperationQueue('kv');
  const gate = new Gate();
  const running = queue.run('upgrade', 'wait', () => gate.passed);
  let begun = 0;
  const begin = async (): Promise<void> => void begun++;
  // Before the first has had its turn: it waits, for a moment.
  expect(await failureOf(queue.run('restart', 'fail', begin))).toMatchObject({ code: 'BUSY' });
  expect(queue.running).toBe('upgrade');
  const error = await failureOf(queue.run('restart', 'fail', begin));
  expect(error).toMatchObject({ code: 'BUSY', facts: { running: 'upgrade' } });
  gate.open();
  await running;
  await queue.run('restart', 'fail', begin);
  expect(begun).toBe(1);
});
