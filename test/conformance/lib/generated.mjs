// TypeScript of the messages that the suites speak, made from the descriptors in their Go modules. Generated once
// and committed, so that the programs under test can be checked by the compiler where there is no Go.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { run, runNode, tools } from '../../../scripts/lib/command.mjs';
import { goEnvironment } from '../../../scripts/lib/go.mjs';
import { root } from '../../../scripts/lib/root.mjs';

export const goModule = path.join(root, 'test/conformance/go');

const SUITE = 'connectrpc.com/conformance';
const OPTIONS = /^ {6}- (.+)$/gm;

/** Of the form that scripts/lib/generated.mjs works with. */
export const suiteTree = {
  name: 'TypeScript of the conformance suites',
  directory: 'test/conformance/gen',
  needsGo: true,
  inputs: () => [
    'test/conformance/go/go.mod',
    'test/conformance/go/go.sum',
    'test/conformance/go/descriptors/main.go',
    'buf.gen.yaml',
  ],
  generators: () => ['@bufbuild/buf', 'ts-proto'].map(installedVersion),
  async produce(below) {
    const go = (...args) => run('go', args, { cwd: goModule, env: goEnvironment });
    await go('mod', 'download', SUITE);
    const suite = (await go('list', '-m', '-f', '{{.Dir}}', SUITE)).trim();
    const scratch = mkdtempSync(path.join(os.tmpdir(), 'plugd-descriptors-'));
    try {
      const program = path.join(scratch, 'descriptors');
      const set = path.join(scratch, 'interop.binpb');
      await go('build', '-o', program, './descriptors');
      await run(program, [set]);
      await generate(path.join(suite, 'proto'), below);
      await generate(set, below);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  },
};

/** With the options of our own generated code. */
async function generate(input, below) {
  const own = readFileSync(path.join(root, 'buf.gen.yaml'), 'utf8');
  const template = path.join(below, 'template.json');
  const plugin = {
    local: ['node', path.join(root, 'node_modules/ts-proto/protoc-gen-ts_proto')],
    out: suiteTree.directory,
    strategy: 'all',
    opt: [...own.matchAll(OPTIONS)].map(([, option]) => option),
  };
  writeFileSync(template, JSON.stringify({ version: 'v2', plugins: [plugin] }));
  const args = ['generate', input, '--template', template, '-o', below, '--include-imports', '--include-wkt'];
  await runNode(tools.buf, args, { env: goEnvironment });
  rmSync(template);
}

function installedVersion(name) {
  const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  return `${name}@${lock.packages[`node_modules/${name}`]?.version}`;
}
