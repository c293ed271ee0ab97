import { appendFileSync, renameSync, rmSync, truncateSync } from 'node:fs';
import promises from 'node:fs/promises';
import { join } from 'node:path';
import { readDirectory } from '../../../host/src/watch/list-versions';
import { ShelfOfVersions } from '../../../host/src/watch/shelf-of-versions';
import { manifest, Workbench } from '../manifest/workbench';

let bench: Workbench;
beforeEach(() => {
  bench = new Workbench();
});
afterEach(() => bench.remove());

const seen = async (shelf: ShelfOfVersions, whole = false) => {
  const { onDisk, found, unfit } = await shelf.look(whole);
  return {
    onDisk: [...onDisk].map(([name, versions]) =>
      [name, ...versions.map(({ version, state }) => `${version} ${state}`)].join(', '),
    ),
    found: found.map(({ version }) => version),
    unfit: unfit.map(({ version, problem }) => `${version} ${problem.code}`),
  };
};

test('versions are told of once, the highest first, until their content changes', async () => {
  bench.artifact('kv', '1.0.0');
  bench.artifact('kv', '1.10.0');
  bench.put('kv/2.0.0', { kv: 'program' });
  bench.put('kv/1.9.0', { kv: 'program', 'plugin.yaml': manifest('kv', '1.8.0') });
  bench.put('kv/notes', { 'README.md': 'none' });
  const shelf = new ShelfOfVersions(bench.plugins, 0);
  const onDisk = ['kv, 2.0.0 unfit, 1.10.0 good, 1.9.0 unfit, 1.0.0 good'];
  const first = await seen(shelf);
  expect({ ...first, found: first.found.sort(), unfit: first.unfit.sort() }).toEqual({
    onDisk,
    found: ['1.0.0', '1.10.0'],
    unfit: ['1.9.0 ARTIFACT_MISPLACED', '2.0.0 MANIFEST_NOT_FOUND'],
  });
  expect(await seen(shelf)).toEqual({ onDisk, found: [], unfit: [] });
  expect(await seen(shelf, true)).toEqual({ onDisk, found: [], unfit: [] });
  appendFileSync(join(bench.plugins, 'kv/1.0.0/kv'), 'more');
  expect(await seen(shelf)).toEqual({ onDisk, found: ['1.0.0'], unfit: [] });
});

test('what changes is unsettled, and what has just gone too', async () => {
  const place = bench.artifact('kv', '1.0.0');
  const shelf = new ShelfOfVersions(bench.plugins, 60_000);
  expect((await seen(shelf)).onDisk).toEqual(['kv, 1.0.0 unsettled']);
  renameSync(place, join(bench.plugins, 'kv/.away'));
  expect((await seen(shelf)).onDisk).toEqual(['kv, 1.0.0 unsettled']);
});

test('a directory of plugins that is gone is an error, and none without plugins', async () => {
  const shelf = new ShelfOfVersions(bench.plugins, 0);
  bench.artifact('kv', '1.0.0');
  await seen(shelf);
  rmSync(join(bench.plugins, 'kv'), { recursive: true });
  expect((await seen(shelf)).onDisk).toEqual([]);
  rmSync(bench.plugins, { recursive: true });
  await expect(shelf.look(false)).rejects.toMatchObject({ code: 'ARTIFACT_UNREADABLE' });
});

test('a plugin whose directory can’t be listed for a moment is what it was, and that is told once', async () => {
  bench.artifact('kv', '1.0.0');
  bench.artifact('other', '1.0.0');
  const place = join(bench.plugins, 'kv');
  let code: string | undefined;
  const shelf = new ShelfOfVersions(bench.plugins, 0, async (path) => {
    if (path === place && code !== undefined) throw Object.assign(new Error(code), { code });
    return readDirectory(path);
  });
  const both = ['kv, 1.0.0 good', 'other, 1.0.0 good'];
  expect((await seen(shelf)).onDisk.sort()).toEqual(both);
  for (const other of ['EACCES', 'EIO', 'EMFILE']) {
    code = other;
    const first = await shelf.look(false);
    expect(first.unreadable).toEqual([{ name: 'kv', error: expect.objectContaining({ code }) }]);
    const { onDisk, found, unfit } = await seen(shelf, true);
    expect([onDisk.sort(), found, unfit]).toEqual([both, [], []]);
    expect((await shelf.look(true)).unreadable).toEqual([]);
    code = undefined;
    expect(await seen(shelf, true)).toMatchObject({ onDisk: expect.arrayContaining(both), found: [] });
  }
  for (const gone of ['ENOENT', 'ENOTDIR']) {
    code = gone;
    expect((await seen(shelf)).onDisk).toEqual(['other, 1.0.0 good']);
    code = undefined;
  }
});

test('a look that nobody waits for any more does not read on, however much there is', async () => {
  truncateSync(
    join(bench.put('kv/1.0.0', { kv: '', 'plugin.yaml': manifest('kv', '1.0.0') }), 'kv'),
    2 ** 31,
  );
  const ending = new AbortController();
  const look = new ShelfOfVersions(bench.plugins, 0).look(true, ending.signal);
  setTimeout(() => ending.abort(new Error('not wanted')), 20);
  await expect(look).rejects.toThrow('not wanted');
});

test('a look reads the manifests of what has changed and no others, whatever else lies there', async () => {
  bench.artifact('kv', '1.0.0');
  bench.artifact('kv', '2.0.0');
  bench.put('kv/notes', { 'README.md': 'none' });
  bench.put('no plugin/1.0.0', { 'README.md': 'none' });
  const shelf = new ShelfOfVersions(bench.plugins, 0);
  expect((await seen(shelf)).onDisk).toEqual(['kv, 2.0.0 good, 1.0.0 good']);
  const open = jest.spyOn(promises, 'open');
  try {
    const opened = async () => {
      open.mockClear();
      const { onDisk } = await seen(shelf);
      expect(onDisk).toEqual(['kv, 2.0.0 good, 1.0.0 good']);
      return [...new Set(open.mock.calls.map(([path]) => String(path).slice(bench.plugins.length + 1)))];
    };
    expect(await opened()).toEqual([]);
    appendFileSync(join(bench.plugins, 'kv/1.0.0/plugin.yaml'), '# another one');
    expect((await opened()).sort()).toEqual(['kv/1.0.0/kv', 'kv/1.0.0/plugin.yaml']);
  } finally {
    open.mockRestore();
  }
  // It may become a version.
  bench.put('kv/notes', { 'plugin.yaml': 'name: kv' });
  expect((await seen(shelf)).unfit).toEqual(['notes MANIFEST_INVALID']);
});
