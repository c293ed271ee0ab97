import { constants, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { PluginError } from '@plugd/protocol/plugin-error';
import { formatMode } from '../artifact/executable';
import type { EnvSetting } from './config';

/** A variable's value and what a process is started with beside it have to fit into what systems allow: 128 KiB on Linux. */
const longestBytes = 64 * 1024;

/** Variables as a plugin gets them. */
export interface ResolvedEnv {
  readonly env: Readonly<Record<string, string>>;
  /** Those values that came from files: what has to be shown nowhere. */
  readonly secrets: readonly string[];
}

/** Reads the files of variables. Throws PluginError SECRET_UNREADABLE, SECRET_UNSAFE. */
export async function resolveEnv(env: Readonly<Record<string, EnvSetting>>): Promise<ResolvedEnv> {
  const resolved: [string, string][] = [];
  const secrets: string[] = [];
  for (const [name, setting] of Object.entries(env)) {
    if (typeof setting === 'string') {
      resolved.push([name, setting]);
      continue;
    }
    const value = await readSecret(setting.file, name);
    secrets.push(value);
    resolved.push([name, value]);
  }
  return { env: Object.fromEntries(resolved), secrets };
}

/**
 * The text of a secret's file without the line end at its end. `name`: of the variable, for messages. Links are followed: that is how
 * secrets come into containers.
 *
 * Throws PluginError SECRET_UNREADABLE, SECRET_UNSAFE.
 */
export async function readSecret(file: string, name: string): Promise<string> {
  let content: Uint8Array;
  let unsafe: PluginError | undefined;
  try {
    // To open a pipe would be to wait for whoever writes to it. Windows knows no such flag.
    await using handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const about = await handle.stat();
    if (!about.isFile()) throw new Error('it is no file');
    if (about.size > longestBytes) throw new Error(`it has more than ${longestBytes} bytes`);
    unsafe = openToOthers(file, name, about);
    content = unsafe === undefined ? await handle.readFile() : Buffer.alloc(0);
  } catch (cause) {
    throw unreadable(file, name, cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (unsafe !== undefined) throw unsafe;
  const text = decoded(content);
  if (text === undefined) throw unreadable(file, name, 'it is no text');
  const value = text.replace(/\r?\n$/, '');
  if (value === '') throw unreadable(file, name, 'it is empty');
  return value;
}

function decoded(content: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(content);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}

/**
 * One's own file is to be for oneself alone. To one of root's a group may be the only way, so that its members may read it; but
 * nobody else.
 */
function openToOthers(file: string, name: string, { mode, uid }: Stats): PluginError | undefined {
  const user = process.getuid?.();
  // Windows has neither such owners nor such modes.
  if (user === undefined) return undefined;
  const own = uid === user;
  const why =
    !own && uid !== 0
      ? `it belongs to user ${uid}`
      : (mode & (own ? 0o077 : 0o027)) !== 0
        ? `others may read or write it (${formatMode(mode)})`
        : undefined;
  if (why === undefined) return undefined;
  return new PluginError('SECRET_UNSAFE', `The secret ${name} is not taken from ${file}: ${why}.`, {
    facts: { path: file, variable: name, mode: formatMode(mode), owner: uid },
  });
}

function unreadable(file: string, name: string, why: string, cause?: unknown): PluginError {
  return new PluginError('SECRET_UNREADABLE', `The secret ${name} can't be taken from ${file}: ${why}.`, {
    facts: { path: file, variable: name },
    ...(cause === undefined ? {} : { cause }),
  });
}
