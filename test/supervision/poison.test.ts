import type { Plugin } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { roomsWith } from '../support/at-once';
import { noteFigures } from '../support/figures';
import { servingPid } from '../support/host-room';
import { poll } from '../support/poll';
import { Logbook } from './logbook';
import { counted, often } from './often-crashing';
import { isLost } from './watches';

// A request that ends each process which executes it, of a method that may be repeated.

jest.setTimeout(120_000);

const { atOnce, room, plugins: logbook } = roomsWith(() => new Logbook());

const put = (plugin: Plugin, key: string) =>
  plugin.client(KvDefinition).put({ key, value: Buffer.from('v') });

/** The error of a request that ends every process. */
async function poisoned(plugin: Plugin, key: string): Promise<unknown> {
  return put(plugin, key).then(
    () => new Error('it was answered'),
    (error: unknown) => error,
  );
}

atOnce(
  'it ends three processes and no more, and those who call before and after it are answered',
  async () => {
    const plugin = await logbook().load(room(), often);
    await put(plugin, 'before');
    expect(isLost(await poisoned(plugin, 'poison'))).toBe(true);
    const { pid } = await put(plugin, 'after');
    expect(pid).toBe(servingPid(plugin));
    const pids = logbook().pidsOf('poison');
    expect(new Set(pids).size).toBe(3);
    expect(pids).toHaveLength(3);
    expect(pids).not.toContain(pid);
    expect(counted(room())).toMatchObject({
      calls: { retried: 2, lost: 1 },
      restarts: { lost: { crash: 3 }, restarts: 3, givenUp: 0 },
    });
  },
);

atOnce('its number of attempts is the one that the options say', async () => {
  const plugin = await logbook().load(room(), { ...often, attempts: 1 });
  expect(isLost(await poisoned(plugin, 'poison'))).toBe(true);
  expect(logbook().pidsOf('poison')).toHaveLength(1);
  await put(plugin, 'after');
});

atOnce('those who call meanwhile are answered', async () => {
  const plugin = await logbook().load(room(), often);
  const stop = new AbortController();
  const errors: string[] = [];
  let answers = 0;
  const loops = Array.from({ length: 16 }, async (_, name) => {
    for (let i = 0; !stop.signal.aborted; i++) {
      try {
        await put(plugin, `neighbour-${name}-${i}`);
        answers++;
      } catch (error) {
        errors.push(String(error));
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
  const rounds = 4;
  for (let round = 0; round < rounds; round++) {
    const before = answers;
    await poll(
      () => answers,
      (count) => count >= before + 100,
    );
    expect(isLost(await poisoned(plugin, `poison-${round}`))).toBe(true);
    expect(logbook().pidsOf(`poison-${round}`)).toHaveLength(3);
  }
  stop.abort();
  await Promise.all(loops);
  noteFigures('neighbours of a poisonous request', { rounds, answers, errors: errors.length });
  expect(errors).toEqual([]);
});
