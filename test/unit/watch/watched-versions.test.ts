import { highestWhole, type WatchedVersion } from '../../../host/src/watch/watched-versions';

const version = (number: string, over: Partial<WatchedVersion> = {}): WatchedVersion => ({
  version: number,
  state: 'available',
  digest: 'of it',
  directory: `/plugins/kv/${number}`,
  onDisk: true,
  problem: undefined,
  ...over,
});

test('the highest version on disk is one that is whole, and not one that runs from elsewhere', () => {
  const good = version('1.0.0');
  expect(highestWhole([])).toBeUndefined();
  expect(highestWhole([version('1.1.0'), good])?.version).toBe('1.1.0');
  for (const state of ['unsettled', 'unfit'] as const)
    expect(highestWhole([version('1.1.0', { state }), good])).toBe(good);
  // One that has failed lies there all the same, and is what is wanted.
  expect(highestWhole([version('1.1.0', { state: 'failed' }), good])?.version).toBe('1.1.0');
  expect(highestWhole([version('2.0.0', { state: 'running', onDisk: false }), good])).toBe(good);
});
