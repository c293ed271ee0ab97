import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { bundleProgram } from '../support/bundle';
import { kvTs } from '../support/samples';

test('an operation that nobody awaits fails without an unhandled rejection', () => {
  const { directory, file } = bundleProgram(resolve(__dirname, 'unawaited-program.ts'));
  try {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--unhandled-rejections=strict', file, kvTs('1')],
      { encoding: 'utf8', timeout: 60_000 },
    );
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'calm\n', stderr: '' });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}, 70_000);
