import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { disposePlugins, startPluginProcess } from '../support/plugin-process';
import { kvTs } from '../support/samples';

afterEach(disposePlugins);

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of stream) all.push(one);
  return all;
}

describe.each([
  ['plain', false],
  ['AutoMTLS', true],
])('over %s', (_name, autoMtls) => {
  test('all four kinds of call are answered', async () => {
    const plugin = startPluginProcess(kvTs('2'), { autoMtls });
    const kv = createPromiseClient(KvDefinition, await plugin.connect());
    const signature = { servedBy: '2.0.0', pid: plugin.pid };

    expect(await kv.put({ key: 'a', value: Buffer.from('1') })).toEqual(signature);
    expect(await kv.get({ key: 'a' })).toEqual({ found: true, value: Buffer.from('1'), ...signature });
    expect(await kv.get({ key: 'b' })).toMatchObject({ found: false, ...signature });

    const watched = await collect(kv.watch({ key: 'a', count: 3 }));
    expect(watched.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(watched[2]).toEqual({ sequence: 3, value: Buffer.from('1'), ...signature });

    const loaded = await kv.load([{ key: 'x', value: Buffer.from('x') }, { key: 'y' }]);
    expect(loaded).toEqual({ stored: 2, ...signature });

    const chat = await collect(
      kv.chat([
        { sequence: 1, text: 'one' },
        { sequence: 2, text: 'two' },
      ]),
    );
    expect(chat).toEqual([
      { sequence: 1, text: 'one', ...signature },
      { sequence: 2, text: 'two', ...signature },
    ]);
  });
});
