import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../../host/src/cli/run';
import { checks } from '../../../host/src/doctor/checks';
import { blocks, read, root, tableBelow } from '../../docs/markdown';
import { Ward } from '../doctor/ward';

// The examination that docs/doctor.md shows is made, and its table of checks is held against the code.

const ward = new Ward();
afterAll(() => ward.remove());

test('what the page shows is what the command says', async () => {
  const shown = blocks('docs/doctor.md').filter(({ marks }) => marks['check'] === 'doctor');
  expect(shown).toHaveLength(1);
  mkdirSync(ward.path('run'), { mode: 0o700 });
  ward.artifact('plugins/kv/1.0.0', 'echo "no database at localhost:5432" >&2\nexit 3');
  const written: string[] = [];
  const code = await run(['doctor', ward.path('plugins/kv')], {
    stdout: { write: (text) => written.push(text) },
    stderr: { write: (text) => written.push(text) },
    env: { PATH: process.env['PATH'], HOME: ward.directory, XDG_RUNTIME_DIR: ward.path('run') },
    cwd: () => ward.directory,
  });
  expect(code).toBe(1);
  const text = written
    .join('')
    .replaceAll(ward.directory, '/srv')
    .replace(/(?:root|user \d+) may run/, 'root may run')
    // Of the daemon, which answers where the page was made.
    .replace(/\ndaemon\n(?:.+\n)+/, '')
    .replace(/, \d things? to be aware of/, '');
  expect(shown[0]?.text).toBe(`$ plugd doctor kv\n${text}`);
});

test('the table of checks has each of them, in its order and words', () => {
  expect(tableBelow('docs/doctor.md', 'Checks')).toEqual(
    Object.entries(checks).map(([name, what]) => [name, what]),
  );
});

test('each check is made somewhere', () => {
  const directory = join(root, 'host/src/doctor');
  const sources = readdirSync(directory).filter((name) => name !== 'checks.ts');
  const text = sources.map((name) => read(join('host/src/doctor', name))).join('\n');
  expect(Object.keys(checks).filter((name) => !text.includes(`'${name}'`))).toEqual([]);
});
