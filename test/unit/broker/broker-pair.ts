import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Channel, credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import { Broker, type BrokerOptions } from '@plugd/protocol/broker/broker';
import type { BrokerStream } from '@plugd/protocol/broker/broker-stream';
import { hostBrokerStream } from '@plugd/protocol/broker/host-broker-stream';
import { pluginBrokerService } from '@plugd/protocol/broker/plugin-broker-service';
import type { BrokerSecurity } from '@plugd/protocol/broker/security';
import { listenOnSocket } from '@plugd/protocol/broker/socket-listener';
import { StreamProxy } from '@plugd/protocol/broker/stream-proxy';
import { StreamRouter } from '@plugd/protocol/broker/stream-router';
import { createCertificate } from '@plugd/protocol/certificate';
import { GRPCBrokerDefinition } from '@plugd/protocol/gen/plugin/grpc_broker';
import { grpcTarget } from '@plugd/protocol/grpc-address';
import { adaptService } from '@plugd/protocol/rpc/service';
import { YamuxSession } from '@plugd/protocol/yamux/session';
import { cleanUp as closePairs, socketPair } from '../yamux/pair';

const undone: (() => void)[] = [];

export function cleanUp(): void {
  for (const undo of undone.splice(0).reverse()) undo();
  closePairs();
}

export function onCleanUp(undo: () => void): void {
  undone.push(undo);
}

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'plugd-broker-'));
  undone.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A form that brokered connections have. */
export interface BrokerForm {
  readonly multiplex: boolean;
  readonly secure: boolean;
}

export const forms: (BrokerForm & { name: string })[] = [
  { name: 'plain', multiplex: false, secure: false },
  { name: 'AutoMTLS', multiplex: false, secure: true },
  { name: 'multiplexed', multiplex: true, secure: false },
  { name: 'multiplexed with AutoMTLS', multiplex: true, secure: true },
];

const host = createCertificate({ curve: 'P-256' });
const plugin = createCertificate({ curve: 'P-256' });
const ofHost: BrokerSecurity = { ...host, peerCertificatePem: plugin.certificatePem };
const ofPlugin: BrokerSecurity = { ...plugin, peerCertificatePem: host.certificatePem };

/** A host's broker and a plugin's, as far as the wire goes a whole plugin apart: real sockets, real gRPC. */
export async function brokerPair(form: BrokerForm, options: Partial<BrokerOptions> = {}) {
  const [hostDirectory, directory] = [temporaryDirectory(), temporaryDirectory()];
  const server = new Server();
  undone.push(() => server.forceShutdown());
  const streams: BrokerStream[] = [];
  let onStream = (stream: BrokerStream): void => void streams.push(stream);
  const service = adaptService(
    GRPCBrokerDefinition,
    pluginBrokerService((stream) => onStream(stream)),
    { draining: new AbortController().signal },
  );
  server.addService(service.definition, service.handlers);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());

  const mux = form.multiplex ? await sessions((stream) => injector.injectConnection(stream)) : undefined;
  const main =
    mux === undefined
      ? await listenOnSocket({ directory }, (socket) => injector.injectConnection(socket))
      : await StreamProxy.listen(hostDirectory, () => mux.host.openMain());
  undone.push(() => main.breakOff());
  const channel = new Channel(grpcTarget(main.network, main.address), credentials.createInsecure(), {});
  undone.push(() => channel.close());

  const secure = (security: BrokerSecurity) => (form.secure ? { security } : {});
  const plugins = new Promise<Broker>((resolve) => {
    onStream = (stream) => {
      resolve(
        new Broker({
          stream,
          directory,
          ...secure(ofPlugin),
          ...(mux === undefined ? {} : { multiplex: mux.plugin }),
          ...options,
        }),
      );
    };
  });
  const hosts = new Broker({
    stream: hostBrokerStream(channel),
    directory: hostDirectory,
    peerDirectory: directory,
    ...secure(ofHost),
    ...(mux === undefined ? {} : { multiplex: mux.host }),
    ...options,
  });
  undone.push(() => hosts.close());
  const pair = { host: hosts, plugin: await plugins, mux, hostDirectory, directory, channel };
  undone.push(() => pair.plugin.close());
  return pair;
}

async function sessions(onMain: (stream: import('node:stream').Duplex) => void) {
  const [near, far]: [Socket, Socket] = await socketPair();
  undone.push(() => near.destroy());
  const hostSession = new YamuxSession(near, { side: 'client' });
  const pluginSession = new YamuxSession(far, { side: 'server' });
  return {
    host: new StreamRouter(hostSession),
    plugin: new StreamRouter(pluginSession, { onMain }),
    hostSession,
    pluginSession,
  };
}
