import { ResourceKind } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { readResources } from '../../../host/src/resources/resource';

test('what a plugin declares is read by name and kind', () => {
  const { resources, complaints } = readResources([
    { name: 'cfg', kind: ResourceKind.RESOURCE_KIND_SHARED },
    { name: 'lock', kind: ResourceKind.RESOURCE_KIND_EXCLUSIVE },
    { name: 'cache', kind: ResourceKind.RESOURCE_KIND_PER_GENERATION },
    { name: 'db', kind: ResourceKind.RESOURCE_KIND_LEASED },
  ]);
  expect(resources).toEqual([
    { name: 'cfg', kind: 'shared' },
    { name: 'lock', kind: 'exclusive' },
    { name: 'cache', kind: 'per-generation' },
    { name: 'db', kind: 'leased' },
  ]);
  expect(complaints).toEqual([]);
});

test.each([ResourceKind.RESOURCE_KIND_UNSPECIFIED, ResourceKind.UNRECOGNIZED])(
  'a kind that is not known (%s) is taken for the strictest',
  (kind) => {
    expect(readResources([{ name: 'x', kind }]).resources).toEqual([{ name: 'x', kind: 'exclusive' }]);
  },
);

test('of rubbish the rest is read, and it is told of', () => {
  const kind = ResourceKind.RESOURCE_KIND_SHARED;
  const { resources, complaints } = readResources([
    { name: '', kind },
    { name: 'x'.repeat(257), kind },
    { name: 'a', kind },
    { name: 'a', kind: ResourceKind.RESOURCE_KIND_EXCLUSIVE },
  ]);
  expect(resources).toEqual([{ name: 'a', kind: 'shared' }]);
  expect(complaints).toHaveLength(3);
});

test('a plugin that declares a million is not kept in the book with all of them', () => {
  const kind = ResourceKind.RESOURCE_KIND_SHARED;
  const { resources, complaints } = readResources(
    Array.from({ length: 1_000 }, (_, index) => ({ name: `r${index}`, kind })),
  );
  expect([resources.length, complaints.length]).toEqual([256, 1]);
});
