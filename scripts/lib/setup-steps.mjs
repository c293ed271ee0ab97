import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { run, runNode, runNpm, tools } from './command.mjs';
import { fingerprint, listFiles } from './files.mjs';
import { generatedTrees, isCurrent, regenerate } from './generated.mjs';
import { goEnvironment, inCi } from './go.mjs';
import { completeLockfile } from './lockfile.mjs';
import { root } from './root.mjs';
import { sampleArtifacts } from './sample-artifacts.mjs';
import { say } from './steps.mjs';

/** Under node_modules, so that the stamps go when that goes. */
export const stampDirectory = path.join(root, 'node_modules', '.plugd');

const nodeMajor = `node ${process.versions.node.split('.')[0]}`;
// Some packages bring a program for one platform.
const platform = `${process.platform} ${process.arch}`;
const thisFile = 'scripts/lib/setup-steps.mjs';
const exe = process.platform === 'win32' ? '.exe' : '';

const at = (...names) => path.join(root, ...names);
const readJson = (file) => JSON.parse(readFileSync(at(file), 'utf8'));

/**
 * @param forTests what only tests need is built too
 * @returns {import('./steps.mjs').Step[]}
 */
export function setupSteps(go, { forTests = false } = {}) {
  const steps = [install(), generate(go), build(), ...samples()];
  if (go.version) steps.push(...goBuild(go.version, forTests));
  steps.push(sampleArtifacts(go));
  return steps;
}

function install() {
  // An empty or half-made node_modules has no such file; npm writes it last.
  const present = existsSync(at('node_modules', '.package-lock.json'));
  // `ci` takes what the lockfile says and nothing else, but begins by deleting: in a working tree that is
  // being edited, `install` changes only what is needed.
  const command = present && !inCi() ? 'install' : 'ci';
  return {
    name: 'install',
    doing: `npm ${command}`,
    stamp: () =>
      fingerprint(
        ['package-lock.json', '.npmrc'],
        [nodeMajor, platform, ...manifests().map((file) => dependencyFacts(file))],
      ),
    outputs: [at('node_modules', '.package-lock.json')],
    changesInputs: command === 'install',
    async run() {
      await runNpm([command, '--no-audit', '--no-fund']);
      if (command === 'install') {
        const added = completeLockfile();
        if (added.length > 0)
          say(`install: ${added.length} packages for other platforms added to the lockfile`);
      }
    },
  };
}

const workspaces = () => readJson('package.json').workspaces;
const manifests = () => ['package.json', ...workspaces().map((directory) => `${directory}/package.json`)];

/** The part of a package.json that decides what is installed. */
function dependencyFacts(file) {
  const { name, version, workspaces, bin, overrides, ...rest } = readJson(file);
  const { dependencies, devDependencies, optionalDependencies, peerDependencies } = rest;
  return JSON.stringify([
    [name, version, workspaces, bin, overrides],
    [dependencies, devDependencies, optionalDependencies, peerDependencies],
  ]);
}

/** Generated code is committed: a fresh clone has it, and only changed contracts or generators call for work. */
function generate(go) {
  const outdated = () => generatedTrees.filter((tree) => !isCurrent(tree));
  return {
    name: 'generate',
    doing: 'buf generate',
    isDone: () => outdated().length === 0,
    async run() {
      for (const tree of outdated()) {
        if (tree.needsGo && go.problem) say(`${tree.directory} is out of date and needs Go`);
        else await regenerate(tree);
      }
    },
  };
}

function build() {
  const sources = () =>
    listFiles([...workspaces().map((directory) => `${directory}/src`)], { extensions: ['.ts'] });
  const configs = () => [
    'tsconfig.json',
    'tsconfig.base.json',
    ...workspaces().map((directory) => `${directory}/tsconfig.json`),
  ];
  return {
    name: 'build',
    doing: 'tsc -b',
    stamp: () => fingerprint([...configs(), ...sources(), 'package-lock.json'], [nodeMajor]),
    outputs: ['proto', 'sdk', 'host'].map((directory) => at(directory, 'dist', 'index.js')),
    run: () => runNode(tools.tsc, ['-b']),
  };
}

/** The TypeScript samples, and the files that each bundles itself into. */
const sampleOutputs = {
  'kv-ts': ['kv-ts-v1', 'kv-ts-v2', 'kv-ts-v3'],
  'counter-ts': ['counter-ts-v1', 'counter-ts-v2', 'counter-ts-v3'],
  chaos: ['chaos'],
};

function samples() {
  return Object.entries(sampleOutputs).map(([name, files]) => {
    const directory = `plugins/${name}`;
    const script = `${directory}/build.mjs`;
    const sources = () =>
      // Samples share some services.
      listFiles([directory, 'plugins/kv-ts/src', 'proto/src', 'sdk/src'], {
        extensions: ['.ts', '.mjs', '.json', '.binpb'],
      });
    return {
      name,
      doing: `node ${script}`,
      stamp: () => fingerprint([...sources(), 'package-lock.json'], [nodeMajor]),
      outputs: files.map((file) => at(directory, 'dist', file)),
      run: () => runNode(script, [], { cwd: at(directory) }),
    };
  });
}

/** What is built of the Go modules: programs, with the arguments for each. */
const goPrograms = {
  go: {
    module: 'plugins/go',
    programs: {
      'kv-v1': ['-ldflags', '-X main.version=1.0.0', './cmd/kv'],
      'kv-v2': ['-ldflags', '-X main.version=2.0.0', './cmd/kv'],
      'counter-v1': ['-ldflags', '-X main.version=1.0.0', './cmd/counter'],
      'counter-v2': ['-ldflags', '-X main.version=2.0.0', './cmd/counter'],
      testhost: ['./cmd/testhost'],
      yamuxpeer: ['./cmd/yamuxpeer'],
    },
  },
  'go-old': {
    module: 'plugins/go-old',
    programs: {
      'kv-old': ['./cmd/kv-old'],
      'kv-state': ['./cmd/kv-state'],
      'testhost-old': ['./cmd/testhost-old'],
    },
  },
  'go-wrong': {
    module: 'plugins/go',
    forTests: true,
    programs: {
      'counter-wrong-v1': ['-ldflags', '-X main.version=1.0.0', './cmd/counter-wrong'],
      'counter-wrong-v2': ['-ldflags', '-X main.version=2.0.0', './cmd/counter-wrong'],
    },
  },
  'go-caller': {
    module: 'plugins/go',
    forTests: true,
    programs: { caller: ['./cmd/caller'] },
  },
  linearizability: {
    module: 'test/linearizability/go',
    forTests: true,
    programs: { linearizability: ['.'] },
  },
};

function goBuild(version, forTests) {
  const wanted = Object.entries(goPrograms).filter(([, entry]) => forTests || !entry.forTests);
  return wanted.map(([name, { module, programs }]) => {
    const directory = at(module);
    const sources = () =>
      listFiles([module, 'sdk/go'], { extensions: ['.go', '.mod', '.sum'] }).filter(
        (file) => !file.endsWith('_test.go'),
      );
    return {
      name,
      doing: `go build (${Object.keys(programs).join(', ')})`,
      stamp: () => fingerprint([...sources(), thisFile], [version]),
      outputs: Object.keys(programs).map((program) => path.join(directory, 'bin', program + exe)),
      async run() {
        for (const [program, args] of Object.entries(programs)) {
          const output = path.join('bin', program + exe);
          await run('go', ['build', '-trimpath', '-buildvcs=false', '-o', output, ...args], {
            cwd: directory,
            env: goEnvironment,
          });
        }
      },
    };
  });
}
