import { PluginError } from '@plugd/host';
import { formatReport } from '../../../host/src/upgrade/report';
import { report } from './report-sample';

test('a report is one line with every number', () => {
  const line = formatReport(report());
  expect(line).not.toContain('\n');
  for (const part of [
    'kv: upgrade by overlap 1.0.0 → 2.0.0 swapped in 123 ms',
    'start 100.0',
    'swap 0.1',
    'drained 3, cut 1, failed 0',
    '50.0 MiB → 60.0 MiB',
  ]) {
    expect(line).toContain(part);
  }
});

test('what is not known is said to be so', () => {
  const nowhere = { version: '1.0.0', generation: 1, pid: undefined, memoryBytes: undefined };
  expect(formatReport(report({ from: nowhere, outcome: 'verified', operation: 'restart' }))).toMatch(
    /restart by overlap 1\.0\.0 → 2\.0\.0 verified .*unknown → 60\.0 MiB/,
  );
});

test('a warning stands in the line: nobody looks for it elsewhere', () => {
  const warnings = [new PluginError('STOP_FAILED', 'Process 100 could not be ended.')];
  expect(formatReport(report({ warnings }))).toContain('STOP_FAILED');
});
