import { existsSync, readFileSync } from 'node:fs';
import { Workshop } from './workshop';

let shop: Workshop;
beforeEach(() => {
  shop = new Workshop();
});
afterEach(() => shop.remove());

/** Runs one step over the file `input`, which appends to `ran` and then does what `work` says. */
function runStep(work: string): { code: number | null; stderr: string } {
  const place = JSON.stringify(shop.root);
  return shop.module(
    (lib) => `
      import { appendFileSync } from 'node:fs';
      import { runSteps } from '${lib}/steps.mjs';
      import { run } from '${lib}/command.mjs';
      import { fingerprint } from '${lib}/files.mjs';
      process.chdir(${place});
      const step = {
        name: 'work',
        stamp: () => fingerprint(['input'], ['fact'], ${place}),
        outputs: ['output'],
        async run() {
          appendFileSync('ran', 'x');
          ${work}
        },
      };
      process.exitCode = (await runSteps([step], 'stamps')) ? 0 : 1;`,
  );
}

const succeed = "appendFileSync('output', '');";
const runs = () => readFileSync(shop.path('ran'), 'utf8').length;

test('a step is skipped until what it depends on changes', () => {
  shop.write('input', 'one');
  expect(runStep(succeed).code).toBe(0);
  const second = runStep(succeed);
  expect(second.stderr).toContain('up to date: work');
  expect(runs()).toBe(1);

  shop.write('input', 'two');
  expect(runStep(succeed).code).toBe(0);
  expect(runs()).toBe(2);
});

test('line ends that a checkout changed are no change', () => {
  shop.write('input', 'one\ntwo\n');
  runStep(succeed);
  shop.write('input', 'one\r\ntwo\r\n');
  runStep(succeed);
  expect(runs()).toBe(1);
});

test('a step whose result is gone runs again, whatever its stamp says', () => {
  shop.write('input', 'one');
  runStep('');
  runStep(succeed);
  runStep(succeed);
  expect(runs()).toBe(2);
});

test('a failing step tells its command and both ends of its output, and runs again next time', () => {
  shop.write('input', 'one');
  runStep(succeed);
  shop.write('input', 'two');
  const lines = "for (let i = 1; i <= 100; i++) console.log('line ' + i + '.'); process.exit(7)";
  const failed = runStep(`await run(process.execPath, ['--eval', ${JSON.stringify(lines)}]);`);
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain('work failed');
  expect(failed.stderr).toContain('--eval');
  expect(failed.stderr).toContain('exit code 7');
  expect(failed.stderr).toContain('line 1.');
  expect(failed.stderr).not.toContain('line 50.');
  expect(failed.stderr).toContain('line 100.');
  expect(existsSync(shop.path('stamps', 'work'))).toBe(false);

  // Back to the input of the good run: its stamp must not count any more.
  shop.write('input', 'one');
  runStep(succeed);
  expect(runs()).toBe(3);
});

test('an old Node is told what is wanted before anything is loaded', () => {
  shop.write('old.cjs', "Object.defineProperty(process, 'versions', { value: { node: '18.20.1' } });");
  const outcome = shop.script('scripts/setup.mjs', [], {
    NODE_OPTIONS: `--require "${shop.path('old.cjs')}"`,
  });
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toContain('20.19 or newer is wanted');
});

test('without Go the tests are refused in CI, before anything is installed', () => {
  const env = { PATH: shop.pathWithoutGo(), CI: 'true' };
  const outcome = shop.script('scripts/setup.mjs', ['--test'], env);
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toContain('Go is not installed');
  expect(existsSync(shop.path('node_modules'))).toBe(false);
  expect(shop.script('scripts/test.mjs', [], env).code).toBe(1);
});
