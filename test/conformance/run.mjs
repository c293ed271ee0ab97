// npm run test:conformance: connectconformance and grpc-go's interop programs against our clients and our server.
// Needs Go, and the first time a network. What fails must be in known-failures.json, and grpc-js alone, in the same
// cases, must fail or pass as it says there.
import { readFileSync } from 'node:fs';
import { CommandError } from '../../scripts/lib/command.mjs';
import { drift } from '../../scripts/lib/generated.mjs';
import { findGo } from '../../scripts/lib/go.mjs';
import { buildSuites } from './lib/build.mjs';
import { bundlePrograms } from './lib/bundle.mjs';
import { suiteTree } from './lib/generated.mjs';
import { runInteropClient, runInteropServer } from './lib/interop.mjs';
import { runSuite } from './lib/suite.mjs';
import { judge } from './lib/verdict.mjs';

const known = JSON.parse(readFileSync(new URL('known-failures.json', import.meta.url), 'utf8'));

async function step(name, work) {
  const start = performance.now();
  process.stdout.write(`${name} ... `);
  const result = await work();
  const counts = result?.total === undefined ? '' : `, ${result.total} cases, ${result.failures.size} fail`;
  console.log(`${((performance.now() - start) / 1000).toFixed(1)} s${counts}`);
  return result;
}

async function main() {
  const { problem } = findGo();
  if (problem) {
    console.error(problem);
    return false;
  }
  await step('build the suites', buildSuites);
  const findings = await step('check what was generated', async () =>
    (await drift(suiteTree)).map(({ file, state }) => `${suiteTree.directory}/${file}: ${state}`),
  );
  await step('bundle the programs under test', bundlePrograms);

  const rows = [];
  for (const [side, forms] of [
    ['client', ['promise', 'stub']],
    ['server', ['sdk']],
  ]) {
    const bare = await step(`${side} cases, grpc-js alone`, () => runSuite(side, 'grpc-js'));
    rows.push({ ...bare, bare: bare.failures, findings: [] });
    for (const form of forms) {
      const ours = await step(`${side} cases, ${form}`, () => runSuite(side, form));
      const entries = known.filter((entry) => entry.side === side);
      rows.push({ ...ours, bare: bare.failures, findings: judge(ours, entries, bare.failures) });
    }
  }
  for (const interop of [runInteropClient, runInteropServer]) {
    const ours = await step(
      interop === runInteropClient ? 'interop, our client' : 'interop, our server',
      interop,
    );
    rows.push({ ...ours, bare: undefined, findings: judge(ours, [], undefined) });
  }
  return report(rows, findings);
}

function report(rows, findings) {
  const summary = rows.map(({ side, form, total, failures, bare, findings: own }) => ({
    side,
    form,
    cases: total,
    passed: total - failures.size,
    failed: failures.size,
    grpcJsFailsToo: bare === undefined ? 0 : [...failures.keys()].filter((name) => bare.has(name)).length,
    unexpected: own.length,
  }));
  console.table(summary);
  const all = [...findings, ...rows.flatMap((row) => row.findings)];
  for (const finding of all) console.error(finding);
  console.log(JSON.stringify({ conformance: summary, ok: all.length === 0 }));
  return all.length === 0;
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  console.error(error instanceof CommandError ? `${error.excerpt}\n${error.message}` : error.message);
  process.exitCode = 1;
}
