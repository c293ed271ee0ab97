import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { renderSteps } from './steps-page';

const page = join(resolve(__dirname, '../../..'), 'docs/architecture.md');
const [begin, end] = ['<!-- steps: drawn from host/src/upgrade/step-table.ts -->', '<!-- /steps -->'];

test('docs/architecture.md draws the steps of each strategy as the loop has them (PLUGD_WRITE_DOCS=1 draws them anew)', () => {
  const text = readFileSync(page, 'utf8');
  const [before, rest = ''] = text.split(`${begin}\n`);
  const [drawn, after] = rest.split(`\n${end}`);
  if (drawn === undefined || after === undefined) throw new Error(`${page} has no ${begin} and ${end}`);
  if (process.env['PLUGD_WRITE_DOCS'] === '1') {
    writeFileSync(page, `${before}${begin}\n${renderSteps()}\n${end}${after}`);
    return;
  }
  expect(drawn).toBe(renderSteps());
});
