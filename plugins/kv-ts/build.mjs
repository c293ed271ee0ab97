// Makes one executable file of the plugin per version: dist/kv-ts-v1 and so on.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
// The command plugd-sdk, by its file: where nothing has been installed yet, there is no link to it.
const plugdSdk = createRequire(import.meta.url).resolve('../../sdk/bin/plugd-sdk.js');

for (const [file, version] of [
  ['kv-ts-v1', '1.0.0'],
  ['kv-ts-v2', '2.0.0'],
  ['kv-ts-v3', '3.0.0'],
]) {
  const args = ['build', 'src/main.ts', '--out', `dist/${file}`, '--define', `KV_VERSION=${version}`];
  execFileSync(process.execPath, [plugdSdk, ...args], { cwd: here, stdio: 'inherit' });
}
