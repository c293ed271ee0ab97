import { setImmediate as turn } from 'node:timers/promises';
import { Metadata } from '@grpc/grpc-js';
import { LINEAGE_KEY } from '@plugd/protocol/rpc/lineage';
import { currentLineage, PinnedLineage } from '../../../host/src/routing/lineage';

const lineage = (): string => currentLineage()?.toString() ?? 'none';

/** A pinned scope, as far as its lineage goes. */
function pinned(plugin: string, generation: number) {
  const end = new AbortController();
  return { lineage: new PinnedLineage(plugin, generation, end.signal), end: () => end.abort() };
}

function saying(text?: string): Metadata {
  const metadata = new Metadata();
  if (text !== undefined) metadata.set(LINEAGE_KEY, text);
  return metadata;
}

test('outside of a pinned scope there is no lineage', () => {
  expect(currentLineage()).toBeUndefined();
  const given = saying();
  expect(pinned('A', 1).lineage.carry(given)).toBe(given);
});

test('the work of a pinned scope is in the lineage of its instance, until the scope ends', async () => {
  const { lineage: A, end } = pinned('A', 3);
  const seen: string[] = [];
  const work = A.run(async () => {
    seen.push(lineage());
    await turn();
    seen.push(lineage());
    end();
    seen.push(lineage());
  });
  await work;
  expect(seen).toEqual(['A=3', 'A=3', 'none']);
  expect(currentLineage()).toBeUndefined();
});

test('a scope that was cut before its work began has no lineage', () => {
  const { lineage: A, end } = pinned('A', 1);
  end();
  expect(A.run(lineage)).toBe('none');
});

test('a pinned scope in another one descends from both, and from the nearer where they are of one plugin', () => {
  const [outer, inner, again] = [pinned('A', 1), pinned('B', 2), pinned('A', 2)];
  outer.lineage.run(() => {
    expect(inner.lineage.run(lineage)).toBe('B=2,A=1');
    expect(again.lineage.run(lineage)).toBe('A=2');
    expect(lineage()).toBe('A=1');
  });
});

test('a call back descends from the instance whose broker it came through', async () => {
  const { lineage: A } = pinned('A', 1);
  const scope = A.serving()(saying());
  const later = scope.enter(async () => {
    const before = lineage();
    await turn();
    return [before, lineage()];
  });
  expect(await later).toEqual(['A=1', 'A=1']);
  scope.end();
  expect(scope.enter(lineage)).toBe('none');
});

test('a call back descends too from what it was served in, and from what it says itself', () => {
  const [outer, inner] = [pinned('A', 1), pinned('B', 2)];
  const begin = outer.lineage.run(() => inner.lineage.serving());
  expect(begin(saying('C=5')).enter(lineage)).toBe('B=2,A=1,C=5');
});

test('what a plugin says of the host’s own knowledge changes nothing', () => {
  const [outer, inner] = [pinned('A', 1), pinned('B', 2)];
  const begin = outer.lineage.run(() => inner.lineage.serving());
  expect(begin(saying('A=9,B=9')).enter(lineage)).toBe('B=2,A=1');
  expect(begin(saying('rubbish;')).enter(lineage)).toBe('B=2,A=1');
});

test('a call to what the plugin serves carries the lineage, whatever it carried before', () => {
  const { lineage: A } = pinned('A', 1);
  const given = saying('old=1');
  const carried = A.run(() => A.carry(given));
  expect(carried.get(LINEAGE_KEY)).toEqual(['A=1']);
  expect(given.get(LINEAGE_KEY)).toEqual(['old=1']);
});
