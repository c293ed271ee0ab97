import { join } from 'node:path';
import { type PluginProcess, type StartOptions, startPluginProcess } from './plugin-process';

const directory = join(__dirname, 'plugins');

/** What tailored.cjs can be told. */
export interface TailoredOrder {
  readonly cookie?: readonly [string, string];
  readonly protocolVersions?: readonly number[];
  readonly descriptors?: string;
  readonly serve?: Readonly<Record<string, unknown>>;
  readonly setupPrints?: string;
  readonly setup?: 'throw' | 'hang';
  readonly hooks?: readonly ('note' | 'throw' | 'hang')[];
  readonly crash?: 'exception' | 'rejection' | 'exit';
  readonly modulesFile?: string;
}

/** Starts a plugin made to measure. @param args for node; the program, beside tailored.cjs, comes last. */
export function tailored(
  order: TailoredOrder,
  options: StartOptions = {},
  args: readonly string[] = ['tailored.cjs'],
): PluginProcess {
  const program = join(directory, args.at(-1) ?? '');
  return startPluginProcess(process.execPath, {
    ...options,
    args: [...args.slice(0, -1), program],
    env: { TAILORED: JSON.stringify(order), ...options.env },
  });
}
