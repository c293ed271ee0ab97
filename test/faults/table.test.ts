import { appendFileSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { bundleProgram } from '../support/bundle';
import { modesOf, titleOf } from './table/fault';
import { judge } from './table/judge';
import { runFault } from './table/run-fault';
import { table } from './table/table';

// The table of faults: each happens to a plugin of a host in a process of its own, beside a good plugin at work. Every
// day a part of it; `npm run test:faults` tries the whole of it and prints it.

const whole = process.env['PLUGD_FAULTS'] === 'whole';
const only = process.env['PLUGD_FAULTS_ONLY'] ?? '';
const report = process.env['PLUGD_FAULTS_REPORT'];

/** How often a neighbour is looked at that got slower. */
const TRIES = 3;

const rows = table
  .filter(({ daily }) => whole || daily)
  .flatMap((fault) => modesOf(fault).map((mode) => ({ fault, mode, title: `${titleOf(fault)} (${mode})` })))
  // Every day each in one mode.
  .filter(
    ({ fault, mode }) => whole || mode === (modesOf(fault).includes('mtls') ? 'mtls' : modesOf(fault)[0]),
  )
  .filter(({ title }) => title.includes(only));

let program: { readonly directory: string; readonly file: string };
beforeAll(() => {
  program = bundleProgram(resolve(__dirname, 'table/host-program.ts'));
});
afterAll(() => rmSync(program.directory, { recursive: true, force: true }));

test('the table has more than 40 faults, each with a title of its own', () => {
  const titles = new Set(table.map(titleOf));
  expect(titles.size).toBe(table.length);
  expect(titles.size).toBeGreaterThan(40);
});

test.each(rows)(
  '$title: the neighbour and the host go on',
  async ({ fault, mode }) => {
    const how = { program: program.file, timed: whole };
    let verdict = judge(await runFault(fault, mode, how));
    // Whoever else uses the machine can slow a host down too, but not each time.
    for (let i = 1; whole && verdict.slow !== undefined && verdict.wrong.length === 0 && i < TRIES; i++)
      verdict = judge(await runFault(fault, mode, how));
    if (report !== undefined) appendFileSync(report, `${JSON.stringify(verdict)}\n`);
    expect(verdict).toMatchObject({ wrong: [], ...(whole ? { slow: undefined } : {}) });
  },
  400_000,
);
