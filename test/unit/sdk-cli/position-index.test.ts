import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { transformSync } from '@swc/core';
import { PositionIndex } from '../../../sdk/src/cli/runtime/position-index';
import type { SourceMapText } from '../../../sdk/src/cli/runtime/source-map-text';

/** A map as a compiler makes it, of a source of some length. */
function compiled(): { code: string; map: SourceMapText } {
  const source = readFileSync(`${__dirname}/../../../sdk/src/cli/bundle.ts`, 'utf8');
  const { code, map } = transformSync(source, {
    filename: 'bundle.ts',
    sourceMaps: true,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
  });
  return { code, map: JSON.parse(map ?? '') as SourceMapText };
}

test('every position is found as Node finds it', () => {
  const { code, map } = compiled();
  const index = new PositionIndex(map);
  // Its types want what it does not need.
  const node = new SourceMap({
    file: '',
    sourcesContent: [],
    sourceRoot: '',
    ...map,
    sources: [...map.sources],
    names: [...map.names],
  });
  let compared = 0;
  for (const [line, text] of code.split('\n').entries()) {
    for (let column = 0; column < text.length; column++) {
      const entry = node.findEntry(line, column);
      // Node takes the last position of the lines above for a line that has none up to here.
      if (!('generatedLine' in entry) || entry.generatedLine !== line) continue;
      const { originalSource, originalLine, originalColumn } = entry;
      expect(index.find(line + 1, column + 1)).toBe(
        `${originalSource}:${originalLine + 1}:${originalColumn + 1}`,
      );
      compared++;
    }
  }
  expect(compared).toBeGreaterThan(1_000);
});

const sources = ['a.ts'];
test.each([
  ['a line that the map does not reach', 'AAAA', 9, 1],
  ['line 0', 'AAAA', 0, 1],
  ['a column before the first position of its line', 'IAAA', 1, 2],
  ['code that comes from no source', 'AAAA,IA', 1, 6],
  ['a source without a name', 'ACAA', 1, 1],
  ['an empty map', '', 1, 1],
])('%s is not found', (_what, mappings, line, column) => {
  const index = new PositionIndex({ version: 3, sources, names: [], mappings });
  expect(index.find(line, column)).toBeUndefined();
});

test('an entry that names an identifier too counts as any other', () => {
  const index = new PositionIndex({ version: 3, sources, names: ['x'], mappings: ';AAEDA' });
  expect(index.find(2, 40)).toBe('a.ts:3:0');
});
