import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const plugins = resolve(__dirname, '../../plugins');

/** The version of a sample, as its file name has it. */
export type SampleVersion = '1' | '2';

/** The sample in TypeScript, bundled to one executable file. */
export function kvTs(version: SampleVersion): string {
  return built(join(plugins, 'kv-ts/dist', `kv-ts-v${version}`), 'node plugins/kv-ts/build.mjs');
}

/** The sample that calls its host back, in TypeScript. */
export function counterTs(version: SampleVersion): string {
  const path = join(plugins, 'counter-ts/dist', `counter-ts-v${version}`);
  return built(path, 'node plugins/counter-ts/build.mjs');
}

/** The sample that misbehaves. */
export function chaosTs(): string {
  return built(join(plugins, 'chaos/dist/chaos'), 'node plugins/chaos/build.mjs');
}

/** The sample in Go. */
export function kvGo(version: SampleVersion): string {
  return built(join(plugins, 'go/bin', `kv-v${version}`), 'npm run setup');
}

/** The sample that calls its host back, in Go. */
export function counterGo(version: SampleVersion): string {
  return built(join(plugins, 'go/bin', `counter-v${version}`), 'npm run setup');
}

/** The same with a mistake in how it hands its numbers over: its variable COUNTER_BUG is double, lose or stale. */
export function counterWrong(version: SampleVersion): string {
  return built(join(plugins, 'go/bin', `counter-wrong-v${version}`), 'npm run setup -- --test');
}

/** The sample as it was made with go-plugin 1.4. */
export function kvOld(): string {
  return built(join(plugins, 'go-old/bin/kv-old'), 'npm run setup');
}

/** The same with a state that it hands over, by the Go SDK. */
export function kvState(): string {
  return built(join(plugins, 'go-old/bin/kv-state'), 'npm run setup');
}

/** The host as it was made with go-plugin 1.4, which knows few operations. */
export function oldGoHost(): string {
  return built(join(plugins, 'go-old/bin/testhost-old'), 'npm run setup');
}

/** The host that is made with unmodified hashicorp/go-plugin. */
export function goHost(): string {
  return built(join(plugins, 'go/bin/testhost'), 'npm run setup');
}

/** A client in Go, of any server of samples.kv.v1.Kv. */
export function goCaller(): string {
  return built(join(plugins, 'go/bin/caller'), 'npm run setup -- --test');
}

/** One end of an unmodified hashicorp/yamux session. */
export function goYamuxPeer(): string {
  return built(join(plugins, 'go/bin/yamuxpeer'), 'npm run setup');
}

/** Says whether one counter explains a ledger of calls. */
export function linearizabilityTool(): string {
  const path = resolve(__dirname, '../linearizability/go/bin/linearizability');
  return built(path, 'npm run setup -- --test');
}

function built(path: string, how: string): string {
  if (!existsSync(path)) throw new Error(`${path} has not been built. Run: npx tsc -b && ${how}`);
  return path;
}
