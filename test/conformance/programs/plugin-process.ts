import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type HandshakeLine, parseHandshakeLine } from '@plugd/protocol/handshake-line';
import type { TlsOptions } from '../../../sdk/src/net/serving-credentials';

export const PLUGIN_COOKIE = ['CONFORMANCE_PLUGIN', 'serves the suites'] as const;
/** Carries the TlsOptions, as JSON, to the process that serves. */
export const PLUGIN_TLS = 'CONFORMANCE_TLS';

/** Starts this same program as a plugin, and waits for its handshake line. */
export async function startPluginProcess(
  tls: TlsOptions | undefined,
): Promise<{ line: HandshakeLine; child: ChildProcess }> {
  const [name, value] = PLUGIN_COOKIE;
  const child = spawn(process.execPath, [process.argv[1] ?? '', 'plugin'], {
    env: {
      ...process.env,
      [name]: value,
      ...(tls === undefined ? {} : { [PLUGIN_TLS]: JSON.stringify(tls) }),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout);
  const [text] = await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error('The plugin ended before its handshake'))),
  ]);
  return { line: parseHandshakeLine(String(text), { versions: [1] }), child };
}
