import { ResourceKind } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { type DeclaredResources, PluginResources } from '../../../host/src/resources/plugin-resources';

const described: DeclaredResources = {
  resources: [
    { name: 'cfg', kind: ResourceKind.RESOURCE_KIND_SHARED },
    { name: 'lock', kind: ResourceKind.RESOURCE_KIND_EXCLUSIVE },
    { name: 'cache', kind: ResourceKind.RESOURCE_KIND_PER_GENERATION },
    { name: 'db', kind: ResourceKind.RESOURCE_KIND_LEASED },
  ],
};

class Told {
  readonly names: string[][] = [];
  constructor(private readonly answer: () => Promise<void> = async () => {}) {}
  release(names: readonly string[]): Promise<void> {
    this.names.push([...names]);
    return this.answer();
  }
}

let warnings: { message: string; fields: object }[];
let care: PluginResources;
beforeEach(() => {
  warnings = [];
  care = new PluginResources('kv', { warn: (message, fields = {}) => warnings.push({ message, fields }) });
});

test('from one generation to the next each is told to release its part, when it is time', async () => {
  const [old, next] = [new Told(), new Told()];
  care.enter(1, described);
  care.enter(2, described);
  care.released(1, care.beforeNext(1, 2));
  care.take(2);
  await care.switchedFrom(1, [old]);
  await care.leave(1, [old]);
  expect([old.names, care.gone(1)]).toEqual([[['cache'], ['db']], []]);
  await care.leave(2, [next]);
  expect([next.names, care.gone(2)]).toEqual([[['cfg', 'lock', 'cache', 'db']], []]);
  expect([care.outstanding(), warnings]).toEqual([[], []]);
});

test('what one of several processes did not release is never released, and told of', async () => {
  const stubborn = new Told(() => Promise.reject(new Error('busy')));
  care.enter(1, described);
  await care.leave(1, [new Told(), stubborn]);
  expect(care.gone(1).map(({ name }) => name)).toEqual(['cfg', 'lock', 'cache', 'db']);
  expect(care.outstanding()).toHaveLength(4);
  expect(warnings.map(({ fields }) => fields)).toEqual([
    { plugin: 'kv', generation: 1, resources: ['cfg', 'lock', 'cache', 'db'], error: 'Error: busy' },
    {
      plugin: 'kv',
      generation: 1,
      resources: ['cfg (shared)', 'lock (exclusive)', 'cache (per-generation)', 'db (leased)'],
    },
  ]);
});

test('a generation that was activated beside another one has what is exclusive when the other is gone', async () => {
  const told = new Told();
  care.enter(1, described);
  care.take(1);
  care.enter(2, described);
  care.take(2);
  expect(warnings.map(({ fields }) => fields)).toEqual([
    { plugin: 'kv', generation: 2, resource: 'lock', other: 1 },
  ]);
  await care.leave(1, [new Told()]);
  expect(care.gone(1)).toEqual([]);
  await care.leave(2, [told]);
  expect(told.names).toEqual([['cfg', 'lock', 'cache', 'db']]);
});

test('a plugin that declares nothing is told nothing', async () => {
  const told = new Told();
  care.enter(1, undefined);
  care.enter(2, { resources: [] });
  expect(care.beforeNext(1, 2)).toEqual([]);
  care.take(2);
  await care.switchedFrom(1, [told]);
  await care.leave(1, [told]);
  expect([care.gone(1), told.names, warnings]).toEqual([[], [], []]);
});

test('a plugin that declares rubbish is told of, and the rest is looked after', async () => {
  const told = new Told();
  care.enter(1, {
    resources: [{ name: '', kind: ResourceKind.RESOURCE_KIND_SHARED }, ...described.resources],
  });
  expect(warnings).toHaveLength(1);
  await care.leave(1, [told]);
  expect(told.names).toEqual([['cfg', 'lock', 'cache', 'db']]);
});
