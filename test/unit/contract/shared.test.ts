import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Shared } from '../../../host/src/contract/shared';
import { poll } from '../../support/poll';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

test('who asks for the same gets the same, made once', () => {
  const shared = new Shared<{ readonly made: number }>();
  let made = 0;
  const get = (key: string) => shared.get(key, () => ({ made: ++made }));
  const first = get('a');
  expect(get('a')).toBe(first);
  expect(get('b')).toEqual({ made: 2 });
  // Names that all objects have are keys like others.
  expect(get('__proto__')).toEqual({ made: 3 });
  expect([get('a'), made]).toEqual([first, 3]);
});

test('what could not be made is not kept', () => {
  const shared = new Shared<object>();
  const fail = () => {
    throw new Error('no');
  };
  expect(() => shared.get('a', fail)).toThrow('no');
  expect(shared.size).toBe(0);
  expect(shared.get('a', () => ({ well: true }))).toEqual({ well: true });
});

test('what nobody has is forgotten, and what somebody has is not', async () => {
  const shared = new Shared<object>();
  const had = shared.get('had', () => ({}));
  for (let i = 0; i < 100; i++) shared.get(`left ${i}`, () => ({}));
  expect(shared.size).toBe(101);
  await poll(
    async () => {
      // A reference that was looked through holds until the end of its turn.
      await nextTurn();
      collect();
      return shared.size;
    },
    (size) => size === 1,
  );
  expect(shared.get('had', () => ({}))).toBe(had);
});

test('what was forgotten and made again meanwhile is not forgotten with its forerunner', async () => {
  const shared = new Shared<object>();
  for (let round = 0; round < 20; round++) {
    shared.get('a', () => ({}));
    await nextTurn();
    collect();
    // The forerunner may have gone without word of it having come.
    const value = shared.get('a', () => ({}));
    for (let i = 0; i < 5; i++) await nextTurn();
    expect(shared.get('a', () => ({}))).toBe(value);
  }
});
