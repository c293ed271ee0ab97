import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { errorCodes } from '@plugd/protocol/error-codes';

// The table of codes, the page that explains them, the code that throws them and the tests that meet them.

const root = resolve(__dirname, '../../..');
const codes = Object.keys(errorCodes);
const sections = readFileSync(join(root, 'docs/errors.md'), 'utf8')
  .split(/^(?=### )/m)
  .slice(1)
  .map((section) => {
    const [heading = '', ...body] = section.split('\n');
    return { code: heading.slice('### '.length).trim(), body: body.join('\n').trim() };
  });

/** Codes that stand as a word of their own between quotes in the TypeScript files below some directories. */
function mentioned(directories: readonly string[], except: string): Set<string> {
  const found = new Set<string>();
  for (const directory of directories) {
    for (const name of readdirSync(join(root, directory), { recursive: true })) {
      const file = join(root, directory, String(name));
      if (!file.endsWith('.ts') || relative(root, file).startsWith(except)) continue;
      for (const [, code = ''] of readFileSync(file, 'utf8').matchAll(
        /['"`|(]([A-Z][A-Z0-9_]+)(?=['"`|)])/g,
      )) {
        found.add(code);
      }
    }
  }
  return found;
}

test('docs/errors.md explains every code once, in the order of the table, and no other', () => {
  expect(sections.map(({ code }) => code)).toEqual(codes);
});

test.each(sections.map(({ code, body }) => [code, body]))('the section of %s says something', (_, body) => {
  expect(body.length).toBeGreaterThan(80);
});

test('every code is thrown somewhere', () => {
  const thrown = mentioned(['host/src', 'sdk/src', 'proto/src'], 'proto/src/error-codes.ts');
  expect(codes.filter((code) => !thrown.has(code))).toEqual([]);
});

test('every code is met by a test', () => {
  const met = mentioned(['test'], 'test/unit/docs/');
  expect(codes.filter((code) => !met.has(code))).toEqual([]);
});
