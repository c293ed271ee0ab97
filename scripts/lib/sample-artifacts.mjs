import { chmodSync, copyFileSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fingerprint } from './files.mjs';
import { root } from './root.mjs';

const exe = process.platform === 'win32' ? '.exe' : '';

/** The samples as artifacts, `plugins/artifacts/<name>/<version>`: the manifest and the program of each. */
const inTypeScript = [
  ['kv', '1.0.0', 'plugins/kv-ts/plugin-1.0.0.yaml', 'plugins/kv-ts/dist/kv-ts-v1', 'kv.js'],
  ['kv', '2.0.0', 'plugins/kv-ts/plugin-2.0.0.yaml', 'plugins/kv-ts/dist/kv-ts-v2', 'kv.js'],
  ['kv', '3.0.0', 'plugins/kv-ts/plugin-3.0.0.yaml', 'plugins/kv-ts/dist/kv-ts-v3', 'kv.js'],
  [
    'counter',
    '1.0.0',
    'plugins/counter-ts/plugin-1.0.0.yaml',
    'plugins/counter-ts/dist/counter-ts-v1',
    'counter.js',
  ],
  [
    'counter',
    '2.0.0',
    'plugins/counter-ts/plugin-2.0.0.yaml',
    'plugins/counter-ts/dist/counter-ts-v2',
    'counter.js',
  ],
  [
    'counter',
    '3.0.0',
    'plugins/counter-ts/plugin-3.0.0.yaml',
    'plugins/counter-ts/dist/counter-ts-v3',
    'counter.js',
  ],
];
/** These take the place of those of the same name and version. */
const inGo = [
  ['kv', '1.0.0', 'plugins/go/kv-1.0.0.yaml', `plugins/go/bin/kv-v1${exe}`, `kv${exe}`],
  ['counter', '1.0.0', 'plugins/go/counter-1.0.0.yaml', `plugins/go/bin/counter-v1${exe}`, `counter${exe}`],
];

/** The step of the set-up that makes them. */
export function sampleArtifacts(go) {
  const chosen = new Map(
    [...inTypeScript, ...(go.version ? inGo : [])].map((one) => [`${one[0]} ${one[1]}`, one]),
  );
  const files = [...chosen.values()];
  const place = (name, version) => path.join(root, 'plugins', 'artifacts', name, version);
  return {
    name: 'artifacts',
    doing: 'copy the samples beside their manifests',
    stamp: () =>
      fingerprint([
        ...files.flatMap(([, , manifest, program]) => [manifest, program]),
        'scripts/lib/sample-artifacts.mjs',
      ]),
    outputs: files.map(([name, version]) => path.join(place(name, version), 'plugin.yaml')),
    async run() {
      for (const [name, version, manifest, program, file] of files) {
        const whole = place(name, version);
        const part = place(name, `.${version}`);
        for (const directory of [part, whole]) rmSync(directory, { recursive: true, force: true });
        mkdirSync(part, { recursive: true });
        copyFileSync(path.join(root, program), path.join(part, file));
        chmodSync(path.join(part, file), 0o755);
        copyFileSync(path.join(root, manifest), path.join(part, 'plugin.yaml'));
        // Whoever looks on sees a whole one or none.
        renameSync(part, whole);
      }
    },
  };
}
