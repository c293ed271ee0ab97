import * as fc from 'fast-check';
import type { Resource, ResourceKind } from '../../../host/src/resources/resource';
import { ResourceBook } from '../../../host/src/resources/resource-book';
import { testProperty } from '../../support/property-test';

const cfg: Resource = { name: 'cfg', kind: 'shared' };
const lock: Resource = { name: 'lock', kind: 'exclusive' };
const cache: Resource = { name: 'cache', kind: 'per-generation' };
const db: Resource = { name: 'db', kind: 'leased' };
const all = [cfg, lock, cache, db];

let book: ResourceBook;
beforeEach(() => {
  book = new ResourceBook();
});

const names = (held: readonly { readonly name: string }[]) => held.map(({ name }) => name);
const heldBy = (generation: number) => names(book.held().filter((one) => one.generation === generation));

test('a handoff: the old one releases what is exclusive before the new one has it', () => {
  book.enter(1, all);
  book.enter(2, all);
  expect([heldBy(1), heldBy(2)]).toEqual([
    ['cfg', 'lock', 'cache', 'db'],
    ['cfg', 'cache', 'db'],
  ]);
  expect(book.beforeNext(1, 2)).toEqual(['lock']);
  book.released(1, ['lock']);
  book.take(2);
  expect([heldBy(1), heldBy(2)]).toEqual([
    ['cfg', 'cache', 'db'],
    ['cfg', 'lock', 'cache', 'db'],
  ]);
});

test('a handoff that failed: the old one has again what it released', () => {
  book.enter(1, [lock]);
  book.enter(2, [lock]);
  book.released(1, book.beforeNext(1, 2));
  book.gone(2);
  book.take(1);
  expect([heldBy(1), book.outstanding()]).toEqual([['lock'], []]);
});

test('what is exclusive is not taken from whoever has it', () => {
  book.enter(1, [lock]);
  book.enter(2, [cfg, lock]);
  expect(() => book.take(2)).toThrow('generation 1 has it');
  expect([heldBy(1), heldBy(2)]).toEqual([['lock'], ['cfg']]);
});

test('a new one that says nothing of what it uses is made room for all the same', () => {
  book.enter(1, all);
  expect(book.beforeNext(1, 2)).toEqual(['lock']);
});

test('where versions disagree on the kind, one at a time is the rule', () => {
  book.enter(1, [{ name: 'x', kind: 'shared' }]);
  book.enter(2, [{ name: 'x', kind: 'exclusive' }]);
  expect([heldBy(2), book.beforeNext(1, 2)]).toEqual([[], ['x']]);
  const other = new ResourceBook();
  other.enter(1, [{ name: 'x', kind: 'exclusive' }]);
  other.enter(2, [{ name: 'x', kind: 'shared' }]);
  expect([names(other.held()), other.beforeNext(1, 2)]).toEqual([['x'], ['x']]);
});

test('at the switch a generation frees what is its alone', () => {
  book.enter(1, all);
  book.enter(2, all);
  expect(book.atSwitch(1)).toEqual(['cache']);
  book.released(1, ['cache']);
  expect(book.atSwitch(1)).toEqual([]);
});

test('what is shared is freed after the last one that uses it', () => {
  book.enter(1, [cfg, db]);
  book.enter(2, [cfg, db]);
  expect(book.leave(1)).toEqual(['db']);
  book.released(1, ['db']);
  expect(book.gone(1)).toEqual([]);
  expect(book.leave(2)).toEqual(['cfg', 'db']);
});

test('one that was told to free what it shares is no reason for the next one to leave that alone', () => {
  book.enter(1, [cfg]);
  expect(book.leave(1)).toEqual(['cfg']);
  book.enter(2, [cfg]);
  expect(book.leave(2)).toEqual(['cfg']);
});

test('what a new version does not use any more is freed by the old one', () => {
  book.enter(1, [cfg]);
  book.enter(2, [{ name: 'cfg-2', kind: 'shared' }]);
  expect(book.leave(1)).toEqual(['cfg']);
});

test('asked again, a leaving generation is told what it has not released yet', () => {
  book.enter(1, all);
  expect(book.leave(1)).toEqual(['cfg', 'lock', 'cache', 'db']);
  book.released(1, ['lock', 'no such thing']);
  expect(book.leave(1)).toEqual(['cfg', 'cache', 'db']);
});

test('what was never released is told at the end', () => {
  book.enter(1, all);
  book.leave(1);
  book.released(1, ['cfg', 'cache']);
  const left = [
    { generation: 1, ...lock },
    { generation: 1, ...db },
  ];
  expect(book.gone(1)).toEqual(left);
  expect(book.outstanding()).toEqual(left);
  expect(book.held()).toEqual([]);
});

test('what a crash left is seen to by the process that takes its place', () => {
  book.enter(1, all);
  expect(book.gone(1)).toHaveLength(4);
  book.enter(1, [cfg, lock]);
  expect(names(book.outstanding())).toEqual(['cache', 'db']);
});

test('an exclusive resource whose owner crashed is free for the next one', () => {
  book.enter(1, [lock]);
  book.enter(2, [lock]);
  book.gone(1);
  expect(names(book.outstanding())).toEqual(['lock']);
  book.take(2);
  expect([heldBy(2), book.outstanding()]).toEqual([['lock'], []]);
});

test('another process of the same generation changes nothing', () => {
  book.enter(1, all);
  book.released(1, ['cache']);
  book.enter(1, all);
  expect(heldBy(1)).toEqual(['cfg', 'lock', 'db']);
});

test('crashes of years do not fill the memory', () => {
  for (let generation = 1; generation <= 5_000; generation++) {
    book.enter(generation, [cache]);
    book.gone(generation);
  }
  expect(book.outstanding()).toHaveLength(1_000);
  expect(book.outstanding().at(-1)).toEqual({ generation: 5_000, ...cache });
});

// Whatever happens in whatever order: generations come and go, at most two of them at a time, as in a host; and plugins
// release what they are told, or some of it, or nothing.
type Deed =
  | { readonly do: 'enter'; readonly resources: readonly Resource[] }
  | {
      readonly do: 'release' | 'take' | 'switch' | 'leave' | 'gone';
      readonly old: boolean;
      readonly obeys: boolean;
    };

// What has rules for several generations more often.
const kinds: readonly ResourceKind[] = [
  'shared',
  'shared',
  'shared',
  'exclusive',
  'exclusive',
  'leased',
  'per-generation',
];
const resources = fc.uniqueArray(
  fc.record({ name: fc.constantFrom('a', 'b'), kind: fc.constantFrom(...kinds) }),
  { selector: ({ name }) => name },
);
const deed: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({ do: fc.constant('enter' as const), resources }),
  fc.record({
    do: fc.constantFrom(
      'release' as const,
      'take' as const,
      'switch' as const,
      'leave' as const,
      'gone' as const,
    ),
    old: fc.boolean(),
    obeys: fc.boolean(),
  }),
);

testProperty(
  'nothing exclusive has two owners, and what is shared is freed once, after its last user',
  fc.property(fc.array(deed, { maxLength: 60 }), (deeds) => {
    const book = new ResourceBook();
    const alive: number[] = [];
    let generations = 0;
    /** Who uses each shared one, and has neither left nor ended. */
    const users = new Map<string, Set<number>>();
    /** Who was told to free one, and has not yet. */
    const freeing = new Map<string, Set<number>>();
    const of = (map: Map<string, Set<number>>, name: string): Set<number> => {
      const set = map.get(name) ?? new Set();
      map.set(name, set);
      return set;
    };
    const entered = (generation: number): void => {
      for (const one of book.held()) {
        if (one.generation !== generation || one.kind !== 'shared') continue;
        of(users, one.name).add(generation);
        of(freeing, one.name).delete(generation);
      }
    };
    const ends = (generation: number, freed: readonly string[], how: 'leave' | 'gone'): void => {
      for (const [name, set] of users) {
        if (!set.delete(generation)) continue;
        const others = how === 'gone' && [...of(freeing, name)].some((one) => one !== generation);
        expect([name, freed.includes(name)]).toEqual([name, set.size === 0 && !others]);
        if (how === 'leave' && freed.includes(name)) of(freeing, name).add(generation);
      }
    };
    const released = (generation: number, names: readonly string[]): void => {
      book.released(generation, names);
      for (const name of names) {
        of(users, name).delete(generation);
        of(freeing, name).delete(generation);
      }
    };
    for (const one of deeds) {
      if (one.do === 'enter') {
        if (alive.length === 2) continue;
        generations++;
        alive.push(generations);
        book.enter(generations, one.resources);
        entered(generations);
      } else {
        const generation = one.old ? alive[0] : alive.at(-1);
        if (generation === undefined) continue;
        const next = alive.find((other) => other !== generation) ?? 0;
        if (one.do === 'release') {
          const names = book.beforeNext(generation, next);
          if (one.obeys) released(generation, names);
        } else if (one.do === 'switch') {
          if (one.obeys) released(generation, book.atSwitch(generation));
        } else if (one.do === 'take') {
          try {
            book.take(generation);
            entered(generation);
          } catch (error) {
            expect(String(error)).toMatch(/generation \d+ has it/);
          }
        } else if (one.do === 'leave') {
          const names = book.leave(generation);
          // Somebody uses it by now: then it is not to be freed any more.
          for (const [name, set] of freeing) if (!names.includes(name)) set.delete(generation);
          ends(generation, names, 'leave');
          if (one.obeys) released(generation, names);
        } else {
          const left = book.gone(generation);
          ends(generation, names(left), 'gone');
          for (const [, set] of freeing) set.delete(generation);
          alive.splice(alive.indexOf(generation), 1);
        }
      }
      const held = book.held();
      for (const { name, generation } of held.filter(({ kind }) => kind === 'exclusive')) {
        expect(held.filter((other) => other.name === name)).toEqual([
          expect.objectContaining({ name, generation }),
        ]);
      }
    }
  }),
  2_000,
);
