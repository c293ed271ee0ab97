// The sample in Python, where Python is there: an environment of its own, code from the contract, and a program
// that starts it. Nothing else needs it; the tests of the sample are skipped where this has not been run.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { run } from './lib/command.mjs';
import { fingerprint } from './lib/files.mjs';
import { pythonDirectory as directory, findPython } from './lib/python.mjs';
import { root } from './lib/root.mjs';
import { stampDirectory } from './lib/setup-steps.mjs';
import { runSteps, say } from './lib/steps.mjs';

const windows = process.platform === 'win32';
const interpreter = path.join('.venv', ...(windows ? ['Scripts', 'python.exe'] : ['bin', 'python']));
const python = path.join(directory, interpreter);
const program = path.join(directory, 'bin', windows ? 'kv-python.cmd' : 'kv-python');
const thisFile = 'scripts/setup-python.mjs';

/** Finds its environment by its own place, so that no path is written into it. */
const starter = windows
  ? '@"%~dp0..\\.venv\\Scripts\\python.exe" "%~dp0..\\kv_plugin.py" %*\r\n'
  : '#!/bin/sh\nhere=$(dirname "$0")/..\nexec "$here/.venv/bin/python" "$here/kv_plugin.py" "$@"\n';

/** @returns {import('./lib/steps.mjs').Step[]} */
function steps(found) {
  return [
    {
      name: 'python-packages',
      doing: 'pip install',
      stamp: () => fingerprint(['plugins/python/requirements.txt', thisFile], [found.version]),
      outputs: [python],
      async run() {
        rmSync(path.join(directory, '.venv'), { recursive: true, force: true });
        await run(found.command, ['-m', 'venv', path.join(directory, '.venv')]);
        const quietly = ['--quiet', '--disable-pip-version-check', '--no-input'];
        await run(python, [
          '-m',
          'pip',
          'install',
          ...quietly,
          '-r',
          path.join(directory, 'requirements.txt'),
        ]);
      },
    },
    {
      name: 'python-sample',
      doing: 'grpc_tools.protoc',
      stamp: () =>
        fingerprint(
          ['plugins/python/requirements.txt', 'proto/samples/kv/v1/kv.proto', thisFile],
          [found.version],
        ),
      outputs: [program, path.join(directory, 'gen')],
      async run() {
        const gen = path.join(directory, 'gen');
        rmSync(gen, { recursive: true, force: true });
        mkdirSync(gen, { recursive: true });
        mkdirSync(path.dirname(program), { recursive: true });
        const proto = path.join(root, 'proto');
        await run(python, [
          ...['-m', 'grpc_tools.protoc', `-I${proto}`, `--python_out=${gen}`, `--grpc_python_out=${gen}`],
          path.join(proto, 'samples', 'kv', 'v1', 'kv.proto'),
        ]);
        writeFileSync(program, starter);
        chmodSync(program, 0o755);
      },
    },
  ];
}

const found = findPython();
if (found.problem) say(`${found.problem}: the sample in Python is left out`);
else process.exitCode = (await runSteps(steps(found), stampDirectory)) ? 0 : 1;
