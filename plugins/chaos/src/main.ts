import { unlinkSync } from 'node:fs';
import { createCertificate, encodeCertificateField } from '@plugd/protocol/certificate';
import { PLUGIN_CLIENT_CERT, PLUGIN_PROTOCOL_VERSIONS } from '@plugd/protocol/environment';
import { formatHandshakeLine, type HandshakeLine } from '@plugd/protocol/handshake-line';
import { negotiateVersion, parseVersionList } from '@plugd/protocol/versions';
import { type Behaviour, wellBehaved } from './behaviour';
import { listenBadly } from './listen-badly';
import { stay, write } from './mischief';
import { applyModes, refuseCookie, socketPath } from './modes';
import { bindHeld } from './tampering';

// A plugin that does wrong on demand, for tests: CHAOS says what (modes.ts). It writes the wire by hand where the
// SDK would not let it lie. The gRPC library is loaded only where something is served: the other modes start fast.

async function main(): Promise<void> {
  const behaviour = wellBehaved();
  applyModes(behaviour, process.env['CHAOS'] ?? '');
  if (process.env['KV_PLUGIN'] !== 'hello') refuseCookie();
  process.on('SIGINT', () => {});
  for (const act of behaviour.before) await act();
  if (behaviour.instead !== undefined) return behaviour.instead();
  const line = await serve(behaviour);
  if (behaviour.socketFile === 'deleted') unlinkSync(line.address);
  write(1, behaviour.line(formatHandshakeLine(line), line));
  for (const act of behaviour.after) act();
  stay();
}

async function serve(behaviour: Behaviour): Promise<HandshakeLine> {
  const hostPem = process.env[PLUGIN_CLIENT_CERT];
  const own = hostPem ? createCertificate({ curve: 'P-256' }) : undefined;
  const shown = behaviour.certificate === 'foreign' && own ? createCertificate({ curve: 'P-256' }) : own;
  const announced = behaviour.certificate === 'none' ? undefined : shown;
  const trusted = behaviour.trustsHost ? hostPem : createCertificate({ curve: 'P-256' }).certificatePem;
  const tls = trusted && own && announced && behaviour.tls ? { hostPem: trusted, ...own } : undefined;
  const path = socketPath(behaviour.socket);
  let address = path;
  if (behaviour.network === 'tcp') address = '127.0.0.1:1';
  if (typeof behaviour.server === 'object') {
    const { listenWithBadAnswers } = await import('./bad-answers.js');
    await listenWithBadAnswers(behaviour.server.badAnswer, path, tls);
  } else if (behaviour.server !== 'grpc') await listenBadly(behaviour.server, path);
  else {
    const { bind, bindMultiplexed, createServer, credentials } = await import('./server.js');
    const server = createServer(behaviour);
    const target = behaviour.network === 'tcp' ? '127.0.0.1:0' : `unix:${path}`;
    let port = 0;
    if (behaviour.multiplexed) port = await bindMultiplexed(server, path, credentials(tls));
    else if (behaviour.tampers) port = await bindHeld(server, path, credentials(tls));
    else port = await bind(server, target, credentials(tls));
    if (behaviour.network === 'tcp') address = `127.0.0.1:${port}`;
    else process.on('exit', () => removeQuietly(path));
  }
  const offered = parseVersionList(process.env[PLUGIN_PROTOCOL_VERSIONS]).versions;
  return {
    coreVersion: 1,
    appVersion: negotiateVersion([1, 2], offered),
    network: behaviour.network,
    address,
    protocol: 'grpc',
    certificate: announced === undefined ? '' : encodeCertificateField(announced.der),
    multiplex: behaviour.multiplexed || undefined,
  };
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The server did it.
  }
}

main().catch((error: unknown) => {
  write(2, `${error instanceof Error ? error.stack : error}\n`);
  process.exit(70);
});
