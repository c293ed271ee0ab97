// Writes src/services/built-in-descriptors.ts: the descriptors of the services that each plugin has, as text,
// because a bundled plugin has no files beside it to read them from. Run it when those contracts change; a
// test compares.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const contracts = ['proto/grpc', 'proto/plugd/lifecycle', 'proto/plugin'].flatMap((path) => ['--path', path]);
const set = execFileSync(
  process.execPath,
  [
    'node_modules/@bufbuild/buf/bin/buf',
    ...['build', 'proto', ...contracts, '--as-file-descriptor-set', '--exclude-source-info', '-o', '-'],
  ],
  { cwd: root },
);
const lines = set.toString('base64').match(/.{1,100}/g) ?? [];
writeFileSync(
  new URL('src/services/built-in-descriptors.ts', import.meta.url),
  `// Written by sdk/embed-descriptors.mjs from the contracts under proto/. DO NOT EDIT.

/** The FileDescriptorSet of the services that each plugin has. */
export function builtInDescriptors(): Uint8Array {
  return Buffer.from(SET.join(''), 'base64');
}

const SET = [
${lines.map((line) => `  '${line}',\n`).join('')}];
`,
);
