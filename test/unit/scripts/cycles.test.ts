import { Workshop } from './workshop';

let shop: Workshop;
beforeEach(() => {
  shop = new Workshop();
  shop.linkNodeModules();
  for (const name of ['proto', 'sdk', 'host']) shop.write(`${name}/src/index.ts`, 'export {};\n');
});
afterEach(() => shop.remove());

const check = () => shop.script('scripts/checks/cycles.mjs');

test('imports along the order of rooms are let through', () => {
  shop.write('host/src/launch/launcher.ts', "import type { A } from '../artifact/a';\nexport type B = A;\n");
  shop.write('host/src/artifact/a.ts', 'export interface A {}\n');
  shop.write('host/src/host.ts', "export type { B } from './launch/launcher';\n");
  shop.write('host/src/daemon/daemon.ts', "export type { B } from '../host';\n");
  expect(check()).toMatchObject({ code: 0, stderr: '' });
});

test.each([
  [
    'a cycle of types only',
    { 'sdk/src/a.ts': "import type { B } from './b';\nexport type A = B;\n" },
    { 'sdk/src/b.ts': "import type { A } from './a';\nexport type B = A | 1;\n" },
    'sdk/src/a.ts -> sdk/src/b.ts',
  ],
  [
    'a room that imports a later one',
    { 'host/src/artifact/a.ts': "import type { B } from '../upgrade/b';\nexport type A = B;\n" },
    { 'host/src/upgrade/b.ts': 'export type B = 1;\n' },
    'host/src/artifact/a.ts imports ../upgrade/b: upgrade comes after artifact',
  ],
  [
    'a room that imports what joins the rooms',
    { 'host/src/launch/a.ts': "import { b } from '../b';\nexport const a = b;\n" },
    { 'host/src/b.ts': 'export const b = 1;\n' },
    'host/src/launch/a.ts imports ../b: host.ts and the files beside it comes after launch in the order of rooms',
  ],
  [
    'what joins the rooms importing one that stands on it',
    { 'host/src/a.ts': "import { b } from './daemon/b';\nexport const a = b;\n" },
    { 'host/src/daemon/b.ts': 'export const b = 1;\n' },
    'daemon comes after host.ts and the files beside it in the order of rooms',
  ],
  [
    'a room without a place in the order',
    { 'host/src/cellar/a.ts': "import type { B } from '../artifact/b';\nexport type A = B;\n" },
    { 'host/src/artifact/b.ts': 'export type B = 1;\n' },
    'the room cellar has no place',
  ],
  [
    'the host importing the SDK',
    { 'host/src/a.ts': "import { serve } from '@plugd/sdk';\nexport const a = serve;\n" },
    {},
    'host must not import @plugd/sdk',
  ],
  [
    'a package reaching into another by a path',
    { 'sdk/src/a.ts': "import { b } from '../../proto/src/b';\nexport const a = b;\n" },
    { 'proto/src/b.ts': 'export const b = 1;\n' },
    'it leaves sdk/src',
  ],
])('%s is refused', (_name, first, second, finding) => {
  for (const [file, text] of Object.entries({ ...first, ...second })) shop.write(file, text);
  const outcome = check();
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toContain(finding);
});
