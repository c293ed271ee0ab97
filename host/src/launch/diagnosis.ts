import type { PluginError } from '@plugd/protocol/plugin-error';
import type { HandshakeReader, HandshakeResult } from './handshake-reader';
import type { ExitInfo } from './keeper';
import { describeExit, type Witness } from './witness';

/** How waiting for a handshake line can end without one. */
export type StartFailure =
  | { readonly kind: 'timeout'; readonly limitMs: number }
  | { readonly kind: 'exit'; readonly exit: ExitInfo }
  | { readonly kind: 'stdout closed' }
  | Exclude<HandshakeResult, { kind: 'line' }>;

/** Turns what was seen of a failed start into one error. */
export function diagnoseStart(
  failure: StartFailure,
  name: string,
  reader: Pick<HandshakeReader, 'halfLine' | 'looksLikeHandshake' | 'head'>,
  witness: Witness,
): PluginError {
  switch (failure.kind) {
    case 'too long':
      return witness.error('HANDSHAKE_TOO_LONG', `${name} printed more than 64 KiB without a line feed.`);
    case 'not UTF-8':
      return witness.error('HANDSHAKE_UNREADABLE', `${name} printed a first line that is not UTF-8 text.`);
    case 'exit':
      return diagnoseExit(failure.exit, name, reader, witness);
    case 'stdout closed':
      return witness.error(
        'HANDSHAKE_INCOMPLETE',
        `${name} closed its stdout without a whole handshake line, but did not end.`,
      );
    case 'timeout': {
      const { limitMs } = failure;
      return reader.halfLine
        ? witness.error(
            'HANDSHAKE_INCOMPLETE',
            `${name} printed a line on stdout but not its end within ${limitMs} ms.`,
            { facts: { startTimeoutMs: limitMs } },
          )
        : witness.error('START_TIMEOUT', `${name} printed no handshake line within ${limitMs} ms.`, {
            facts: { startTimeoutMs: limitMs },
          });
    }
  }
}

function diagnoseExit(
  exit: ExitInfo,
  name: string,
  reader: Pick<HandshakeReader, 'halfLine' | 'looksLikeHandshake' | 'head'>,
  witness: Witness,
): PluginError {
  const how = describeExit(exit);
  if (rejectedCookie(exit, reader, witness)) return cookieRejected(name, witness);
  if (reader.halfLine && reader.looksLikeHandshake)
    return witness.error(
      'HANDSHAKE_INCOMPLETE',
      `${name} ended with ${how} in the middle of its handshake line.`,
    );
  const hint = exitHint(exit, witness.stderr.lines());
  return witness.error(
    'EXITED_BEFORE_HANDSHAKE',
    `${name} ended with ${how} before its handshake line.`,
    hint === undefined ? {} : { hint },
  );
}

/** go-plugin's plugins, when their cookie is missing or wrong, say this to the user and exit with 1. */
const COOKIE_TEXT = 'This binary is a plugin.';

export function rejectedCookie(
  exit: ExitInfo,
  reader: Pick<HandshakeReader, 'head'>,
  witness: Witness,
): boolean {
  if (exit.code !== 1) return false;
  return (
    witness.stderr.lines().some((line) => line.includes(COOKIE_TEXT)) || reader.head.includes(COOKIE_TEXT)
  );
}

export function cookieRejected(name: string, witness: Witness): PluginError {
  return witness.error('COOKIE_REJECTED', `${name} did not recognise the host by its cookie.`);
}

const exitHints: readonly [matches: (exit: ExitInfo, stderr: string) => boolean, hint: string][] = [
  [
    (_, stderr) =>
      /error while loading shared libraries|Library not loaded|cannot open shared object/.test(stderr),
    'A library that it needs is missing on this machine: install it, or link the plugin statically.',
  ],
  [
    (_, stderr) => /Cannot find module|ERR_MODULE_NOT_FOUND|ModuleNotFoundError|ImportError/.test(stderr),
    'A module that it imports is missing: install its dependencies, or bundle it.',
  ],
  [
    ({ signal }) => signal === 'SIGILL',
    'It met an instruction that this processor lacks: build it for an older processor level.',
  ],
  [
    ({ signal }) => signal === 'SIGKILL',
    "Somebody ended it by force: look for the kernel's out-of-memory killer, or a security policy.",
  ],
  [
    ({ code }) => code === 0,
    'It ended as if its work were done: is it a plugin at all, and does it wait for its server?',
  ],
];

function exitHint(exit: ExitInfo, stderr: readonly string[]): string | undefined {
  const text = stderr.join('\n');
  return exitHints.find(([matches]) => matches(exit, text))?.[1];
}
