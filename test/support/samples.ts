import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const plugins = resolve(__dirname, '../../plugins');

/** The version of a sample, as its file name has it. */
export type SampleVersion = '1' | '2';

/** The sample in TypeScript, bundled to one executable file. */
export function kvTs(version: SampleVersion): string {
  return built(join(plugins, 'kv-ts/dist', `kv-ts-v${version}`), 'node plugins/kv-ts/build.mjs');
}

/** The sample that misbehaves. */
export function chaosTs(): string {
  return built(join(plugins, 'chaos/dist/chaos'), 'node plugins/chaos/build.mjs');
}

/** The sample in Go. */
export function kvGo(version: SampleVersion): string {
  return built(join(plugins, 'go/bin', `kv-v${version}`), 'npm run setup');
}

/** The host that is made with unmodified hashicorp/go-plugin. */
export function goHost(): string {
  return built(join(plugins, 'go/bin/testhost'), 'npm run setup');
}

/** One end of an unmodified hashicorp/yamux session. */
export function goYamuxPeer(): string {
  return built(join(plugins, 'go/bin/yamuxpeer'), 'npm run setup');
}

function built(path: string, how: string): string {
  if (!existsSync(path)) throw new Error(`${path} has not been built. Run: npx tsc -b && ${how}`);
  return path;
}
