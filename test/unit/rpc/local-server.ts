import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Channel, type ChannelOptions, credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import type { AnyServiceDefinition } from '@plugd/protocol/rpc/definition';
import { type AdaptOptions, adaptService, type ServiceImplementation } from '@plugd/protocol/rpc/service';

const undone: (() => void)[] = [];

/** Ends what a test started; for `afterEach`. */
export function cleanUp(): void {
  for (const undo of undone.splice(0).reverse()) undo();
}

export function onCleanUp(undo: () => void): void {
  undone.push(undo);
}

/** A server in this process, on a unix socket in a directory of its own. */
export async function listen(server: Server): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'plugd-rpc-'));
  onCleanUp(() => rmSync(directory, { recursive: true, force: true }));
  onCleanUp(() => server.forceShutdown());
  const target = `unix:${join(directory, 's')}`;
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(target, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  return target;
}

export function connect(target: string, options: ChannelOptions = {}): Channel {
  const channel = new Channel(target, credentials.createInsecure(), options);
  onCleanUp(() => channel.close());
  return channel;
}

/** Serves an implementation through `adaptService`; returns the target. */
export async function serve<Def extends AnyServiceDefinition>(
  definition: Def,
  implementation: ServiceImplementation<Def>,
  options: Partial<AdaptOptions> = {},
): Promise<string> {
  const server = new Server();
  const adapted = adaptService(definition, implementation, {
    draining: new AbortController().signal,
    ...options,
  });
  server.addService(adapted.definition, adapted.handlers);
  return listen(server);
}
