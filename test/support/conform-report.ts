import { conform } from '../../host/src/conform/conform';
import type { Mode, RuleResult } from '../../host/src/conform/rule';
import type { Platform } from '../../host/src/platform/platform';
import { chaosTs } from './samples';

/** How a sample is checked. */
export interface Check {
  readonly plugin: string;
  readonly versions?: readonly number[];
  readonly modes?: readonly Mode[];
  /** Leaves out what belongs to no mode. */
  readonly modesOnly?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** For plugins that keep silent: what they are waited for. */
  readonly timeoutMs?: number;
  readonly cookie?: readonly [name: string, value: string];
  readonly platform?: Platform;
}

/** What `plugd conform` finds of a sample. */
export function check({
  plugin,
  versions = [1, 2],
  modes,
  modesOnly = false,
  env = {},
  timeoutMs = 20_000,
  cookie = ['KV_PLUGIN', 'hello'],
  platform,
}: Check) {
  return conform(
    {
      command: plugin,
      args: [],
      cwd: '/',
      env: { ...process.env, ...env },
      cookie,
      versions,
      timeoutMs,
    },
    {
      modesOnly,
      ...(modes === undefined ? {} : { modes }),
      ...(platform === undefined ? {} : { platform }),
    },
  );
}

/** Each rule once, with what was seen of it. */
export function withVerdict(results: readonly RuleResult[], verdict: RuleResult['verdict']): string[] {
  return [...new Set(results.filter((one) => one.verdict === verdict).map(({ id }) => id))];
}

/** The rules that the plugin that lies breaks in a mode when it is told to do something. */
export async function brokenBy(CHAOS: string, mode: Mode, timeoutMs: number): Promise<string[]> {
  const how = { modes: [mode], modesOnly: true, env: { CHAOS }, timeoutMs };
  return withVerdict(await check({ plugin: chaosTs(), ...how }), 'fail');
}
