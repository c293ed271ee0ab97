import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { Workshop } from './workshop';

let shop: Workshop;
let env: NodeJS.ProcessEnv;
beforeAll(() => {
  const generatedFrom = ['proto', 'host/src', 'host/schemas'];
  shop = new Workshop(...generatedFrom, 'buf.yaml', 'buf.gen.yaml', 'package-lock.json');
  shop.linkNodeModules();
  // The Go tree follows the same code; leaving it out keeps this test short.
  env = { PATH: shop.pathWithoutGo() };
});
afterAll(() => shop.remove());

const gen = (...names: string[]) => shop.path('proto', 'src', 'gen', ...names);

test('the check names each generated file that was edited, added or lost, and generating mends them', () => {
  expect(shop.script('scripts/generate.mjs', ['--check'], env)).toMatchObject({ code: 0 });

  appendFileSync(gen('samples/kv/v1/kv.ts'), '// by hand\n');
  appendFileSync(gen('samples.binpb'), 'x');
  mkdirSync(gen('left'));
  shop.write('proto/src/gen/left/over.ts', 'export {};\n');
  rmSync(gen('plugin/grpc_stdio.ts'));
  appendFileSync(shop.path('host/schemas/plugin.schema.json'), ' ');
  const drifted = shop.script('scripts/generate.mjs', ['--check'], env);
  expect(drifted.code).toBe(1);
  expect(drifted.stderr).toContain('samples/kv/v1/kv.ts: changed');
  expect(drifted.stderr).toContain('samples.binpb: changed');
  expect(drifted.stderr).toContain('left/over.ts: stale');
  expect(drifted.stderr).toContain('plugin/grpc_stdio.ts: missing');
  expect(drifted.stderr).toContain('host/schemas/plugin.schema.json: changed');

  expect(shop.script('scripts/generate.mjs', [], env)).toMatchObject({ code: 0 });
  expect(shop.script('scripts/generate.mjs', ['--check'], env)).toMatchObject({ code: 0 });
});

test('a changed contract makes the committed code count as out of date', () => {
  const current = () =>
    shop.module(
      (lib) => `
        import { generatedTrees, isCurrent } from '${lib}/generated.mjs';
        process.stdout.write(String(isCurrent(generatedTrees.find((tree) => !tree.needsGo))));`,
    ).stdout;
  expect(current()).toBe('true');
  appendFileSync(shop.path('proto/samples/kv/v1/kv.proto'), '// More.\n');
  expect(current()).toBe('false');
});

test('a contract that breaks the rules is refused with the rule', () => {
  shop.write(
    'proto/samples/bad/v1/bad.proto',
    'syntax = "proto3";\npackage samples.bad.v1;\nmessage lower {}\n',
  );
  const refused = shop.script('scripts/generate.mjs', [], env);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('PascalCase');
});
