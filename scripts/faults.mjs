// npm run test:faults -- [--only TEXT]: the whole table of faults, each in a host of its own beside a good plugin whose
// latency is measured: best on a machine that has nothing else to do. Prints the table, and one line of JSON at the end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { tools } from './lib/command.mjs';
import { root } from './lib/root.mjs';

const POLL_MS = 200;

const ms = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)}`;

const columns = [
  ['fault', 66, ({ fault }) => fault],
  ['mode', 5, ({ mode }) => mode],
  ['took/s', 6, ({ report }) => (report ? (report.tookMs / 1000).toFixed(1) : '')],
  // The neighbour's, in the quiet time and meanwhile.
  ['p99/ms', 11, ({ report }) => (report ? `${ms(report.quiet.p99Ms)} > ${ms(report.during.p99Ms)}` : '')],
  ['calls', 6, ({ report }) => `${report?.during.calls ?? ''}`],
  ['grown/MiB', 9, ({ report }) => (report ? `${Math.round(report.grownMiB)}` : '')],
  ['cpu/%', 5, ({ report }) => (report ? `${Math.round(report.processorShare * 100)}` : '')],
  [
    'outcome',
    0,
    ({ outcome, impossible, wrong, slow }) =>
      [
        impossible === undefined ? outcome : `not possible here: ${impossible}`,
        ...wrong.map((what) => `WRONG: ${what}`),
        ...(slow === undefined ? [] : [`SLOW: ${slow}`]),
      ].join('; '),
  ],
];

function printRow(cells) {
  console.log(cells.map((cell, i) => cell.padEnd(columns[i][1])).join('  '));
}

/** Prints the lines of a file that are there and have not been printed yet. */
function printNew(file, verdicts) {
  if (!existsSync(file)) return;
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  for (const line of lines.slice(verdicts.length)) {
    const verdict = JSON.parse(line);
    verdicts.push(verdict);
    printRow(columns.map(([, , cell]) => cell(verdict)));
  }
}

function summary(verdicts, seconds) {
  const reports = verdicts.flatMap(({ report }) => report ?? []);
  const most = (figure) => Math.max(0, ...reports.map(figure));
  return {
    faults: new Set(verdicts.map(({ fault }) => fault)).size,
    runs: verdicts.length,
    wrong: verdicts.filter(({ wrong }) => wrong.length > 0).length,
    slow: verdicts.filter(({ slow }) => slow !== undefined).length,
    impossible: verdicts.filter(({ impossible }) => impossible !== undefined).length,
    neighbourCalls: reports.reduce((sum, { quiet, during }) => sum + quiet.calls + during.calls, 0),
    neighbourFailed: reports.reduce((sum, { neighbourFailed }) => sum + neighbourFailed.length, 0),
    mostGrownMiB: Math.round(most(({ grownMiB }) => grownMiB)),
    // Of the neighbour: meanwhile over quiet.
    worstP99Ratio: Number(most(({ quiet, during }) => during.p99Ms / quiet.p99Ms).toFixed(2)),
    p99AboveTwice: reports.filter(({ quiet, during }) => during.p99Ms > 2 * quiet.p99Ms).length,
    seconds,
  };
}

async function main() {
  const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
  const directory = mkdtempSync(path.join(os.tmpdir(), 'plugd-faults-'));
  const report = path.join(directory, 'report');
  const begin = performance.now();
  const verdicts = [];
  try {
    printRow(columns.map(([title]) => title));
    const args = ['--selectProjects=process', '--runInBand', '--runTestsByPath', 'test/faults/table.test.ts'];
    const child = spawn(process.execPath, [path.join(root, tools.jest), ...args], {
      cwd: root,
      env: {
        ...process.env,
        PLUGD_FAULTS: 'whole',
        PLUGD_FAULTS_ONLY: values.only,
        PLUGD_FAULTS_REPORT: report,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    const output = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk));
    const printing = setInterval(() => printNew(report, verdicts), POLL_MS);
    const [code] = await once(child, 'close');
    clearInterval(printing);
    printNew(report, verdicts);
    // What went wrong in a row stands in the row.
    const told = verdicts.some(({ wrong, slow }) => wrong.length > 0 || slow !== undefined);
    if (code !== 0 && !told) console.error(Buffer.concat(output).toString());
    console.log(JSON.stringify(summary(verdicts, Math.round((performance.now() - begin) / 1000))));
    return code === 0 && verdicts.length > 0 ? 0 : 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

process.exitCode = await main();
