import { setImmediate as turn } from 'node:timers/promises';
import { Metadata } from '@grpc/grpc-js';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient, type PromiseClient } from '@plugd/protocol/rpc/client';
import { LINEAGE_KEY, Lineage, readLineage } from '@plugd/protocol/rpc/lineage';
import { LineageContext } from '@plugd/protocol/rpc/lineage-context';
import type { ServiceImplementation } from '@plugd/protocol/rpc/service';
import { collect, kvService, rejection, until } from './local-kv';
import { cleanUp, connect, serve } from './local-server';

const A = Lineage.of('A', 1);

afterEach(cleanUp);

describe('a scope', () => {
  test('is known to all that it does, and to nothing else', async () => {
    const context = new LineageContext();
    const seen = await context.begin(A).enter(async () => {
      const first = context.current;
      await turn();
      return [first, context.current];
    });
    expect(seen).toEqual([A, A]);
    expect(context.current).toBeUndefined();
  });

  test('gives no lineage to what goes on after its call has ended', async () => {
    const context = new LineageContext();
    const scope = context.begin(A);
    let leftover: Promise<Lineage | undefined> | undefined;
    scope.enter(() => {
      leftover = turn().then(() => context.current);
    });
    scope.end();
    expect(await leftover).toBeUndefined();
  });

  test('of a call without a lineage hides the one around it', () => {
    const context = new LineageContext();
    // As long as there has been none, it costs nothing.
    expect(context.begin(undefined)).toBeUndefined();
    context.begin(A).enter(() => {
      expect(context.begin(undefined)?.enter(() => context.current ?? 'none')).toBe('none');
      expect(context.current).toBe(A);
    });
  });

  test('means nothing to another context', () => {
    const [one, other] = [new LineageContext(), new LineageContext()];
    const seen = one.begin(A).enter(() => other.begin(Lineage.of('B', 2)).enter(() => String(one.current)));
    expect(seen).toBe('A=1');
  });
});

describe('a handler runs in the lineage of its call', () => {
  const metadata = (text: string): Metadata => {
    const made = new Metadata();
    made.set(LINEAGE_KEY, text);
    return made;
  };

  async function serving(make: (lineage: () => string) => Partial<ServiceImplementation<KvDefinition>>) {
    const context = new LineageContext();
    const lineage = () => context.current?.toString() ?? 'none';
    const target = await serve(
      KvDefinition,
      { ...kvService(), ...make(lineage) },
      { scope: (metadata) => context.begin(readLineage(metadata)) },
    );
    return { context, client: createPromiseClient(KvDefinition, connect(target)) };
  }

  test.each<[string, (client: PromiseClient<KvDefinition>, metadata: Metadata) => Promise<string[]>]>([
    ['unary', async (client, metadata) => (await client.get({ key: 'k' }, { metadata })).servedBy.split(' ')],
    [
      'server stream',
      async (client, metadata) =>
        (await collect(client.watch({ key: 'k', count: 3 }, { metadata }))).map(({ servedBy }) => servedBy),
    ],
    [
      'client stream',
      async (client, metadata) =>
        (await client.load([{ key: 'a' }, { key: 'b' }], { metadata })).servedBy.split(' '),
    ],
    [
      'both ways',
      async (client, metadata) =>
        (await collect(client.chat([{ sequence: 1 }, { sequence: 2 }, { sequence: 3 }], { metadata }))).map(
          ({ text }) => text,
        ),
    ],
  ])('%s', async (_kind, call) => {
    const { client } = await serving((lineage) => ({
      get: async () => {
        const before = lineage();
        await turn();
        return { servedBy: `${before} ${lineage()}` };
      },
      async *watch({ count }) {
        for (let i = 0; i < count; i++) {
          yield { servedBy: lineage() };
          await turn();
        }
      },
      async load(requests) {
        const seen: string[] = [];
        for await (const _ of requests) seen.push(lineage());
        return { servedBy: seen.join(' ') };
      },
      async *chat(requests) {
        for await (const _ of requests) yield { text: lineage() };
      },
    }));
    // Several at once, over one connection.
    const texts = ['A=1', 'A=2,B=1', 'not one', 'C=9'];
    const answers = await Promise.all(texts.map((text) => call(client, metadata(text))));
    for (const [i, answer] of answers.entries()) {
      expect(answer.length).toBeGreaterThan(1);
      const text = texts[i] === 'not one' ? 'none' : texts[i];
      expect(new Set(answer)).toEqual(new Set([text]));
    }
    // And none is left behind.
    expect(new Set(await call(client, new Metadata()))).toEqual(new Set(['none']));
  });

  test('a generator that a slow reader holds up goes on in it', async () => {
    const big = Buffer.alloc(256 * 1024);
    const { client } = await serving((lineage) => ({
      async *watch() {
        for (let i = 0; i < 40; i++) yield { value: big, servedBy: lineage() };
      },
    }));
    const seen = new Set<string>();
    for await (const { servedBy } of client.watch({}, { metadata: metadata('A=1') })) {
      seen.add(servedBy);
      await turn();
    }
    expect(seen).toEqual(new Set(['A=1']));
  });

  test('what hears that the caller has left is in it too', async () => {
    const heard: string[] = [];
    const { client } = await serving((lineage) => ({
      async *watch(_request, call) {
        call.signal.addEventListener('abort', () => heard.push(`signal ${lineage()}`));
        try {
          yield {};
          await new Promise((_, reject) => call.signal.addEventListener('abort', reject));
        } finally {
          heard.push(`finally ${lineage()}`);
        }
      },
    }));
    for await (const _ of client.watch({}, { metadata: metadata('A=1') })) break;
    await until(() => heard.length === 2, 'the handler has ended');
    expect(heard.sort()).toEqual(['finally A=1', 'signal A=1']);
  });

  test('what a handler left running is in none', async () => {
    let lineageLater: Promise<string> | undefined;
    let answered = (): void => {};
    const { client } = await serving((lineage) => ({
      get: () => {
        lineageLater = new Promise<void>((resolve) => {
          answered = resolve;
        }).then(lineage);
        return { servedBy: lineage() };
      },
      put: () => Promise.reject(new Error('it fails')),
    }));
    expect((await client.get({}, { metadata: metadata('A=1') })).servedBy).toBe('A=1');
    answered();
    expect(await lineageLater).toBe('none');
    await rejection(client.put({}, { metadata: metadata('A=1') }));
  });
});
