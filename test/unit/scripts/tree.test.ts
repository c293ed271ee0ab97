import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Workshop } from './workshop';

let shop: Workshop;
beforeEach(() => {
  shop = new Workshop('package-lock.json');
});
afterEach(() => shop.remove());

test('paths of a machine and registry hosts are found, with their lines', () => {
  execFileSync('git', ['init', '-q'], { cwd: shop.root });
  execFileSync('git', ['add', '.'], { cwd: shop.root });
  expect(shop.script('scripts/checks/tree.mjs')).toMatchObject({ code: 0, stderr: '' });

  shop.write('notes.md', ['fine: /tmp/plugin1', `not: ${['', 'home', 'someone', 'x'].join('/')}`].join('\n'));
  shop.write('package-lock.json', '{\n  "resolved": "https://registry.invalid/x.tgz"\n}\n');
  execFileSync('git', ['add', '.'], { cwd: shop.root });
  const found = shop.script('scripts/checks/tree.mjs');
  expect(found.code).toBe(1);
  expect(found.stderr).toContain('notes.md:2:');
  expect(found.stderr).toContain('package-lock.json:2:');
});

test('the lockfile names the optional packages of every platform, and one that is left out is put back', () => {
  const complete = () =>
    shop.module(
      (lib) => `
        import { completeLockfile } from '${lib}/lockfile.mjs';
        process.stdout.write(JSON.stringify(completeLockfile()));`,
    ).stdout;
  const committed = readFileSync(shop.path('package-lock.json'), 'utf8');
  expect(complete()).toBe('[]');

  const lock = JSON.parse(committed) as { packages: Record<string, unknown> };
  const name = '@bufbuild/buf-darwin-arm64';
  delete lock.packages[`node_modules/${name}`];
  shop.write('package-lock.json', JSON.stringify(lock));
  expect(complete()).toBe(JSON.stringify([name]));
  expect(readFileSync(shop.path('package-lock.json'), 'utf8')).toBe(committed);
});
