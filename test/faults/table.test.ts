import { appendFileSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { bundleProgram } from '../support/bundle';
import { modesOf, titleOf } from './table/fault';
import { judge, type Verdict } from './table/judge';
import { runFault } from './table/run-fault';
import { table } from './table/table';

// The table of faults: each happens to a plugin of a host in a process of its own, beside a good plugin at work. Every
// day a part of it; `npm run test:faults` tries the whole of it and prints it.

const whole = process.env['PLUGD_FAULTS'] === 'whole';
const only = process.env['PLUGD_FAULTS_ONLY'] ?? '';
const report = process.env['PLUGD_FAULTS_REPORT'];

/**
 * How many rows run at once, each in a host of its own. In the whole run the neighbours are timed; every day they are not,
 * and most of a row is waiting.
 */
const AT_ONCE = whole ? 1 : 3;

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
type Row = (typeof rows)[number];

let program: { readonly directory: string; readonly file: string };
beforeAll(() => {
  program = bundleProgram(resolve(__dirname, 'table/host-program.ts'));
});
afterAll(async () => {
  await Promise.allSettled(begun.values());
  rmSync(program.directory, { recursive: true, force: true });
});

const begun = new Map<Row, Promise<Verdict>>();

/** Tries a row, and begins with those that come after it. */
function verdictOn(row: Row): Promise<Verdict> {
  const at = rows.indexOf(row);
  for (const next of rows.slice(at, at + AT_ONCE)) {
    if (begun.has(next)) continue;
    const verdict = tried(next);
    verdict.catch(() => {});
    begun.set(next, verdict);
  }
  return begun.get(row) ?? tried(row);
}

async function tried({ fault, mode }: Row): Promise<Verdict> {
  return judge(await runFault(fault, mode, { program: program.file, timed: whole }));
}

test('the table has more than 40 faults, each with a title of its own', () => {
  const titles = new Set(table.map(titleOf));
  expect(titles.size).toBe(table.length);
  expect(titles.size).toBeGreaterThan(40);
});

test.each(rows)(
  '$title: the neighbour and the host go on',
  async (row) => {
    let verdict = await verdictOn(row);
    // Whoever else uses the machine can slow a host down too, but not each time.
    for (let i = 1; whole && verdict.slow !== undefined && verdict.wrong.length === 0 && i < TRIES; i++)
      verdict = await tried(row);
    if (report !== undefined) appendFileSync(report, `${JSON.stringify(verdict)}\n`);
    expect(verdict).toMatchObject({ wrong: [], ...(whole ? { slow: undefined } : {}) });
  },
  400_000,
);
