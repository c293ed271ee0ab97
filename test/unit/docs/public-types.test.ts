import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

// What a result of the host's is made of can be imported by its name.

const src = resolve(__dirname, '../../../host/src');

/** Halves of one that is public, grpc-js's own by another name, and what only lends its kinds. */
const parts = new Set(['DirectStrategyName', 'ShiftStrategyName', 'Channel', 'WatchAction']);

/** Names and the files that they come from, by what follows a word. */
function named(text: string, word: 'export' | 'import'): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, names = '', from = ''] of text.matchAll(
    new RegExp(`^${word} (?:type )?\\{([^}]*)\\} from '([^']+)'`, 'gm'),
  )) {
    for (const name of names.split(',')) {
      const [own = ''] = name.trim().replace('type ', '').split(' as ').reverse();
      if (/^[A-Z]/.test(own)) found.set(own, from);
    }
  }
  return found;
}

/** An interface, or what a type stands for, without comments and texts; undefined for whatever else it is. */
function shapeOf(name: string, text: string): string | undefined {
  const at = text.search(new RegExp(`^export (interface|type) ${name}\\b`, 'm'));
  if (at < 0) return undefined;
  const rest = text.slice(at);
  const end = rest.search(rest.startsWith('export type') ? /;\n(?! )/ : /^\}/m);
  return rest
    .slice(0, end)
    .replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
    .replace(/'[^'\n]*'|`[^`]*`/g, '');
}

/** `<type> of <the export that mentions it>`, where it is ours and not exported. */
function withoutName(index: string): string[] {
  const exported = named(index, 'export');
  return [...exported].flatMap(([name, from]) => {
    if (!from.startsWith('.')) return [];
    const text = readFileSync(join(src, `${from}.ts`), 'utf8');
    const imported = [...named(text, 'import')].filter(([, place]) => place.startsWith('.'));
    const beside = [...text.matchAll(/^export (?:interface|type|class) (\w+)/gm)].map(([, one = '']) => one);
    const ours = new Set([...imported.map(([one]) => one), ...beside]);
    const used = shapeOf(name, text)?.match(/(?<![.\w])[A-Z]\w*/g) ?? [];
    return [...new Set(used)]
      .filter((one) => ours.has(one) && !exported.has(one) && !parts.has(one))
      .map((one) => `${one} of ${name}`);
  });
}

const index = readFileSync(join(src, 'index.ts'), 'utf8');

test('every type that a public type is made of is public too', () => {
  expect(named(index, 'export').size).toBeGreaterThan(100);
  expect(withoutName(index)).toEqual([]);
});

test('one that is missing is found', () => {
  const fewer = index.replace(/^export type \{ Verdict, .*$/m, '').replace('  type StepReport,\n', '');
  expect(fewer).not.toBe(index);
  expect(withoutName(fewer)).toEqual(['StepReport of UpgradeReport', 'Verdict of UpgradeReport']);
});
