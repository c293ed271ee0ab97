import { Looks } from '../../../host/src/remote/looks';

test('one look at a time, and none that began before it was asked for', async () => {
  const begun: (() => void)[] = [];
  const looks = new Looks(() => new Promise((resolve) => begun.push(resolve)));
  const ended: string[] = [];
  const ask = (name: string) => looks.take('kv').then(() => ended.push(name));
  const first = ask('first');
  const second = ask('second');
  const third = ask('third');
  expect(begun).toHaveLength(1);
  void looks.take('other');
  expect(begun).toHaveLength(2);
  begun[0]?.();
  await first;
  expect(ended).toEqual(['first']);
  await new Promise((resolve) => setImmediate(resolve));
  expect(begun).toHaveLength(3);
  begun[2]?.();
  await Promise.all([second, third]);
  expect(ended).toEqual(['first', 'second', 'third']);
  expect(begun).toHaveLength(3);
});
