import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Project } from '../../../sdk/src/cli/project';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'project-'));
});

afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, content: object = {}): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(content));
  return file;
}

test('a project is the package of the entry; its name, without scope, is that of the file', () => {
  write('a/package.json', { name: '@scope/kv' });
  const project = new Project(join(root, 'a/src/main.ts'));
  expect(project.root).toBe(join(root, 'a'));
  expect(project.defaultOutput).toBe(join(root, 'a/dist/kv'));
});

test('without a package the entry gives both', () => {
  const project = new Project(join(root, 'main.ts'));
  expect(project.root).toBe(root);
  expect(project.defaultOutput).toBe(join(root, 'dist/main'));
});

test('own files are named by their path in the project, others by their package', () => {
  write('a/package.json', { name: 'a' });
  write('linked/package.json', { name: '@scope/linked' });
  write('a/node_modules/b/package.json', { name: 'b' });
  // Says only what kind of modules lie there.
  write('a/node_modules/b/dist/cjs/package.json', { type: 'commonjs' });
  const project = new Project(join(root, 'a/src/main.ts'));
  const named = ['a/src/x/y.ts', 'linked/src/z.ts', 'a/node_modules/b/dist/cjs/i.js'].map((path) =>
    project.nameOf(join(root, path)),
  );
  expect(named).toEqual(['src/x/y.ts', '@scope/linked/src/z.ts', 'b/dist/cjs/i.js']);
});

test('no name leads out of where it is', () => {
  const project = new Project(join(root, 'a/main.ts'));
  expect(project.nameOf(join(root, 'elsewhere/main.ts'))).toBe('main.ts');
  expect(project.nameOf(join(root, 'a/node_modules/gone/src/i.ts'))).toBe('gone/src/i.ts');
});
