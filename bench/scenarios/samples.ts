import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadOptions } from '@plugd/host';

/** The sample plugins, the same contract in two languages. */
export type Language = 'go' | 'ts';

/** As a plugin is loaded, but for what a scenario decides. */
export type SampleOptions = Omit<LoadOptions, 'name'>;

// The bundle lies in bench/dist.
const PLUGINS = join(__dirname, '..', '..', 'plugins');

const COMMANDS: Readonly<Record<Language, readonly [v1: string, v2: string]>> = {
  go: [join(PLUGINS, 'go', 'bin', 'kv-v1'), join(PLUGINS, 'go', 'bin', 'kv-v2')],
  ts: [join(PLUGINS, 'kv-ts', 'dist', 'kv-ts-v1'), join(PLUGINS, 'kv-ts', 'dist', 'kv-ts-v2')],
};

/** The host made with unmodified hashicorp/go-plugin. */
export const GO_HOST = join(PLUGINS, 'go', 'bin', 'testhost');

/** The languages whose samples have been built: on a machine without Go the Go sample is missing. */
export function builtLanguages(onMissing: (text: string) => void): Language[] {
  const languages: Language[] = ['go', 'ts'];
  return languages.filter((language) => {
    const built = COMMANDS[language].every((command) => existsSync(command));
    if (!built) onMissing(`the ${language} sample has not been built: its figures are left out`);
    return built;
  });
}

export function sample(language: Language, version: 1 | 2 = 1): SampleOptions {
  const [v1, v2] = COMMANDS[language];
  return {
    version: `${version}.0.0`,
    command: version === 1 ? v1 : v2,
    handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  };
}

const COUNTERS: Readonly<Record<Language, readonly [v1: string, v2: string]>> = {
  go: [join(PLUGINS, 'go', 'bin', 'counter-v1'), join(PLUGINS, 'go', 'bin', 'counter-v2')],
  ts: [
    join(PLUGINS, 'counter-ts', 'dist', 'counter-ts-v1'),
    join(PLUGINS, 'counter-ts', 'dist', 'counter-ts-v2'),
  ],
};

/**
 * The sample that keeps a state and calls its host back. Without TLS, which would be made anew for each call that has a
 * connection of its own; and calls are held for as long as it takes, for that is what is measured.
 */
export function counterSample(language: Language, version: 1 | 2): SampleOptions {
  const [v1, v2] = COUNTERS[language];
  return {
    version: `${version}.0.0`,
    command: version === 1 ? v1 : v2,
    handshake: { cookie: ['COUNTER_PLUGIN', 'hello'], protocolVersions: [1, 2] },
    autoMtls: false,
    restart: { hold: { limitMs: 20_000 } },
  };
}
