import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { copyArtifact } from '../../../host/src/manifest/copy-artifact';
import { manifestKeys } from '../../../host/src/manifest/json-schema';
import { parseManifest } from '../../../host/src/manifest/parse-manifest';
import { formatProblem, type SourceProblem } from '../../../host/src/manifest/problem';
import { blocks, tableBelow } from '../../docs/markdown';
import { manifest, Workbench } from '../manifest/workbench';

// The manifests of docs/artifacts.md are read as a host reads them, and its table of keys is held against the schema.

const all = blocks('docs/artifacts.md');
const manifests = all.filter(({ language }) => language === 'yaml');

test('there are manifests, and each says that it is one', () => {
  expect(manifests.length).toBeGreaterThan(2);
  expect(manifests.map(({ marks }) => marks['check'])).toEqual(manifests.map(() => 'manifest'));
});

test.each(manifests.map(({ place, text }) => [place, text]))('%s is a manifest', (place, text) => {
  expect(parseManifest(text, place)).toMatchObject({ name: expect.any(String) });
});

test('a manifest with mistakes is refused in the words of the page', () => {
  const shown = all.filter(({ marks }) => marks['check'] === 'manifest-problems');
  expect(shown).toHaveLength(1);
  const [text = '', answer = ''] = (shown[0]?.text ?? '').split('---\n');
  const error = refusal(text);
  const problems = error.facts['problems'] as readonly SourceProblem[];
  expect(answer).toBe(
    `plugin.yaml has ${problems.length} problems:\n${problems.map(formatProblem).join(';\n')}\n`,
  );
});

function refusal(text: string): PluginError {
  try {
    parseManifest(text, 'plugin.yaml');
  } catch (error) {
    if (error instanceof PluginError) return error;
  }
  throw new Error('it was taken');
}

test('the command that lists the sums makes a manifest whole', async () => {
  const bench = new Workbench();
  try {
    const text = `${manifest('kv', '1.0.0')}files:\n`;
    const directory = bench.put('kv/1.0.0', { kv: 'program', 'plugin.yaml': text });
    bench.put('kv/1.0.0', { 'with space/plugin.yaml': 'no manifest' });
    const [command] = all.filter(({ marks }) => marks['check'] === 'sums');
    const lines = execFileSync('/bin/sh', ['-e', '-c', command?.text ?? ''], { cwd: directory });
    appendFileSync(join(directory, 'plugin.yaml'), lines);
    const { manifest: read } = await copyArtifact(directory, bench.copies);
    expect(Object.keys(read.files ?? {}).sort()).toEqual(['kv', 'with space/plugin.yaml']);
  } finally {
    bench.remove();
  }
});

test('the table of keys names each key once, and no other', () => {
  const named = tableBelow('docs/artifacts.md', 'Keys').flatMap(([cell = '']) => cell.match(/\w+/g) ?? []);
  expect([...named].sort()).toEqual(Object.keys(manifestKeys().properties ?? {}).sort());
});
