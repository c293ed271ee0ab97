import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { runNode, tools } from './command.mjs';
import { fingerprint, listFiles } from './files.mjs';
import { goEnvironment } from './go.mjs';
import { root } from './root.mjs';
import { schemaInputs, writeSchemas } from './schemas.mjs';

/** In each generated tree: the hash of what it was made from. Committed with it. */
const RECORD = 'inputs.sha256';

const buf = (args) => runNode(tools.buf, args, { env: goEnvironment });

/** A FileDescriptorSet with imports, without comments: what reflection gives away and stubs lack. */
const descriptors = (directory, name, input) =>
  buf([
    'build',
    ...input,
    '--as-file-descriptor-set',
    '--exclude-source-info',
    '-o',
    path.join(directory, `${name}.binpb`),
  ]);

const goGenerators = (file) => [
  ...lockedVersions(['@bufbuild/buf']),
  ...goVersions(file, ['google.golang.org/protobuf', 'google.golang.org/grpc/cmd/protoc-gen-go-grpc']),
];

const oldGenerators = () => goGenerators('plugins/go-old/go.mod');

/** The generated trees. `produce` writes a tree's files below a directory, at their own paths. */
export const generatedTrees = [
  {
    name: 'TypeScript',
    directory: 'proto/src/gen',
    needsGo: false,
    inputs: () => [...listFiles(['proto'], { extensions: ['.proto'] }), 'buf.yaml', 'buf.gen.yaml'],
    generators: () => lockedVersions(['@bufbuild/buf', 'ts-proto', 'ts-proto-descriptors']),
    async produce(below) {
      await buf(['generate', '--template', 'buf.gen.yaml', '-o', below]);
      const directory = path.join(below, this.directory);
      // What plugd/options.proto extends: nothing that is generated from it needs the code.
      rmSync(path.join(directory, 'google', 'protobuf', 'descriptor.ts'));
      await descriptors(directory, 'samples', ['proto', '--path', 'proto/samples']);
      await descriptors(directory, 'plugd', ['proto']);
    },
  },
  {
    name: 'Go',
    directory: 'plugins/go/gen',
    needsGo: true,
    inputs: () => [
      ...listFiles(['proto/samples'], { extensions: ['.proto'] }),
      'buf.yaml',
      'buf.gen.go.yaml',
    ],
    generators: () => goGenerators('plugins/go/go.mod'),
    produce: (below) => buf(['generate', '--template', 'buf.gen.go.yaml', '-o', below]),
  },
  {
    name: 'Go SDK',
    directory: 'sdk/go/gen',
    needsGo: true,
    inputs: () => [
      ...listFiles(['proto/plugd/lifecycle'], { extensions: ['.proto'] }),
      'proto/plugd/options.proto',
      'buf.yaml',
      'buf.gen.go-sdk.yaml',
    ],
    generators: oldGenerators,
    produce: (below) => buf(['generate', '--template', 'buf.gen.go-sdk.yaml', '-o', below]),
  },
  {
    name: 'Go, old',
    directory: 'plugins/go-old/gen',
    needsGo: true,
    inputs: () => ['proto/samples/kv/v1/kv.proto', 'buf.yaml', 'buf.gen.go-old.yaml'],
    generators: oldGenerators,
    produce: (below) => buf(['generate', '--template', 'buf.gen.go-old.yaml', '-o', below]),
  },
  {
    name: 'JSON schemas',
    directory: 'host/schemas',
    needsGo: false,
    inputs: schemaInputs,
    generators: () => lockedVersions(['zod']),
    produce(below) {
      return writeSchemas(path.join(below, this.directory));
    },
  },
];

/** True when the committed tree was made from the contracts and by the generators that are here now. */
export function isCurrent(tree) {
  const record = path.join(root, tree.directory, RECORD);
  return existsSync(record) && readFileSync(record, 'utf8').trim() === inputsHash(tree);
}

/** Makes the tree anew and brings the committed one into line; files that stay the same keep their time. */
export async function regenerate(tree) {
  await withFresh(tree, (fresh) => {
    const committed = path.join(root, tree.directory);
    for (const { file, state } of differences(committed, fresh)) {
      const target = path.join(committed, file);
      if (state === 'stale') {
        rmSync(target);
      } else {
        mkdirSync(path.dirname(target), { recursive: true });
        writeFileSync(target, readFileSync(path.join(fresh, file)));
      }
    }
  });
}

/** What differs between the committed tree and a new one: nothing, if nobody edited it and all was generated. */
export async function drift(tree) {
  let found = [];
  await withFresh(tree, (fresh) => {
    found = differences(path.join(root, tree.directory), fresh);
  });
  return found;
}

async function withFresh(tree, use) {
  const below = mkdtempSync(path.join(os.tmpdir(), 'plugd-generate-'));
  try {
    const fresh = path.join(below, tree.directory);
    mkdirSync(fresh, { recursive: true });
    await tree.produce(below);
    writeFileSync(path.join(fresh, RECORD), `${inputsHash(tree)}\n`);
    use(fresh);
  } finally {
    rmSync(below, { recursive: true, force: true });
  }
}

function differences(committed, fresh) {
  const now = new Set(listFiles([''], { base: committed }));
  const wanted = listFiles([''], { base: fresh });
  const result = [];
  for (const file of wanted) {
    if (!now.delete(file)) result.push({ file, state: 'missing' });
    else if (!sameBytes(path.join(committed, file), path.join(fresh, file))) {
      result.push({ file, state: 'changed' });
    }
  }
  for (const file of now) result.push({ file, state: 'stale' });
  return result;
}

const sameBytes = (a, b) => readFileSync(a).equals(readFileSync(b));

const inputsHash = (tree) => fingerprint(tree.inputs(), tree.generators());

function lockedVersions(names) {
  const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  return names.map((name) => `${name}@${lock.packages[`node_modules/${name}`]?.version}`);
}

function goVersions(file, modules) {
  const words = readFileSync(path.join(root, file), 'utf8').split(/\s+/);
  return modules.map(
    (name) => `${name}@${words.find((word, i) => words[i - 1] === name && /^v\d/.test(word))}`,
  );
}
