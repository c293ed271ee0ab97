// gofmt, vet, tests, and that go.mod is tidy and asks for no newer Go than it may. Of a module that set-up does not
// fetch, only what can be said without a network.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CommandError, run } from '../lib/command.mjs';
import { findGo, GO_WANTED, goEnvironment, inCi } from '../lib/go.mjs';
import { root } from '../lib/root.mjs';

const modules = [
  // With the oldest gRPC that it builds with; the samples bring newer ones.
  { name: 'sdk/go', fetched: true },
  { name: 'plugins/go', fetched: true },
  { name: 'plugins/go-old', fetched: true },
  { name: 'test/linearizability/go', fetched: true },
  { name: 'test/conformance/go', fetched: false },
];

/** Those that read sources alone. */
const offline = ['gofmt', 'go.mod'];

/** The SDK, as it is built together with the modules that use it. */
const alsoTested = (directory) =>
  path.basename(path.dirname(directory)) === 'plugins' ? ['plugd.invalid/plugd/...'] : [];

const checks = (directory) => {
  const go = (...args) => run('go', args, { cwd: directory, env: goEnvironment });
  return {
    gofmt: async () => {
      const goRoot = (await go('env', 'GOROOT')).trim();
      const unformatted = await run(path.join(goRoot, 'bin', 'gofmt'), ['-l', '.'], { cwd: directory });
      return unformatted.trim();
    },
    'go vet': () => go('vet', './...').then(() => ''),
    'go test': () => go('test', '-count=1', './...', ...alsoTested(directory)).then(() => ''),
    'go mod tidy': () => go('mod', 'tidy', '-diff').then(() => ''),
    'go.mod': async () => {
      const text = readFileSync(path.join(directory, 'go.mod'), 'utf8');
      // grpc-go's own go.mod says 1.24.0, which is more than a bare 1.24.
      const language = new RegExp(`^go ${GO_WANTED.replace('.', '\\.')}(\\.0)?$`, 'm');
      if (!language.test(text)) return `the go line is not ${GO_WANTED}`;
      return /^toolchain /m.test(text) ? 'there is a toolchain line' : '';
    },
  };
};

/** What each check found, which is nothing where all is well. */
async function checkModule({ name: module, fetched }) {
  const findings = [];
  for (const [name, check] of Object.entries(checks(path.join(root, module)))) {
    if (!fetched && !offline.includes(name)) continue;
    const finding = await check().catch((error) => {
      if (!(error instanceof CommandError)) throw error;
      return `${error.excerpt}\n${error.message}`;
    });
    findings.push([`${module}: ${name}`, finding]);
  }
  return findings;
}

async function main() {
  const found = findGo();
  if (found.problem) {
    console.error(found.problem);
    return !inCi();
  }
  // The modules at once, and what there is to say of each in its turn.
  let clean = true;
  for (const findings of modules.map(checkModule)) {
    for (const [check, finding] of await findings) {
      console.log(`${check}: ${finding === '' ? 'ok' : `failed\n${finding}`}`);
      clean &&= finding === '';
    }
  }
  return clean;
}

process.exitCode = (await main()) ? 0 : 1;
