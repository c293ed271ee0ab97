import { run } from '../../host/src/cli/run';
import { rules } from '../../host/src/conform/conform';
import { chaosTs, kvTs } from '../support/samples';

// Examinations wait for most of their time: some run at once.
jest.setTimeout(60_000);

const cookie = ['--cookie', 'KV_PLUGIN=hello', '--versions', '1,2'];

/** Runs a command line as the bin does, and keeps what it writes. */
async function plugd(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const written = { stdout: '', stderr: '' };
  const code = await run(args, {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    env: { ...process.env, ...env },
    cwd: () => '/',
  });
  return { code, ...written };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

test.concurrent('a plugin that keeps the rules is a success, one line for each', async () => {
  const { code, stdout, stderr } = await plugd(['conform', kvTs('2'), ...cookie, '--mode', 'plain']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toContain('pass  health.plugin [plain]: SERVING');
  expect(lines.at(-1)).toMatch(/^pass: \d+ passed, 0 failed, 0 warnings, 0 skipped$/);
});

test.concurrent('a plugin that breaks one is a failure that says what was expected and what was seen', async () => {
  const args = ['conform', chaosTs(), ...cookie, '--mode', 'plain'];
  // One that breaks it at once: nothing is looked at after it.
  const { code, stdout } = await plugd(args, { CHAOS: 'core-version' });
  expect(code).toBe(1);
  expect(stdout).toMatch(/^fail +handshake\.core \[plain\]\n.*\n +expected: 1\n +seen: +"2"$/m);
});

test.concurrent('--json is one document, with all that is known of each rule', async () => {
  const args = ['conform', kvTs('2'), ...cookie, '--mode=automtls', '--json', '--', '--an-argument'];
  const { code, stdout } = await plugd(args);
  const report: unknown = JSON.parse(stdout);
  expect(code).toBe(0);
  expect(report).toMatchObject({
    plugin: kvTs('2'),
    args: ['--an-argument'],
    versions: [1, 2],
    verdict: 'pass',
  });
  if (!isObject(report) || !Array.isArray(report['results']) || !isObject(report['counts']))
    throw new Error(stdout);
  const known = new Set(rules.map(({ id }) => id));
  for (const result of report['results']) {
    expect(Object.keys(result)).toEqual(['id', 'mode', 'verdict', 'section', 'rule', 'expected', 'seen']);
    expect(known).toContain(result.id);
  }
  const total = Object.values(report['counts']).reduce((sum: number, count) => sum + Number(count), 0);
  expect(total).toBe(report['results'].length);
});

test.each([
  ['no command', []],
  ['an unknown command', ['confirm', './x', ...cookie]],
  ['no plugin', ['conform', ...cookie]],
  ['no cookie', ['conform', './x']],
  ['a cookie without a value', ['conform', './x', '--cookie', 'KV_PLUGIN=']],
  ['versions that are none', ['conform', './x', ...cookie, '--versions', '1,x']],
  ['an unknown mode', ['conform', './x', ...cookie, '--mode', 'fast']],
  ['a time that is none', ['conform', './x', ...cookie, '--timeout', '1s']],
  ['an unknown option', ['conform', './x', ...cookie, '--loud']],
  ['a plugin that is not there', ['conform', './no/such/plugin', ...cookie]],
])('%s is a wrong usage', async (_name, args) => {
  const { code, stdout, stderr } = await plugd(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^plugd: \S/);
});

test('--help and --version answer', async () => {
  expect(await plugd(['--help'])).toMatchObject({ code: 0, stderr: '' });
  expect((await plugd(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+/);
});
