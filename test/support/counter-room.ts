import type { LoadOptions, PinnedScope, Plugin } from '@plugd/host';
import {
  AddHelperDefinition,
  CounterDefinition,
  CounterSessionDefinition,
  type PutResponse,
  type ReadResponse,
} from '@plugd/protocol/gen/samples/counter/v1/counter';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import type { ServiceImplementation } from '@plugd/protocol/rpc/service';
import { HostRoom } from './host-room';
import { poll } from './poll';

type Helper = ServiceImplementation<AddHelperDefinition>;

/** What a host serves to a counter where nothing is to go wrong. */
export const addHelper: Helper = { sum: async ({ a, b }) => ({ r: a + b }) };

/** Longer than any of the wire's own limits: a call that needs this long hangs. */
const limits = { timeoutMs: 20_000 };

/** A room for the sample that calls its host back. */
export class CounterRoom {
  private constructor(readonly room: HostRoom) {}

  static async open(): Promise<CounterRoom> {
    return new CounterRoom(await HostRoom.open());
  }

  load(command: string, over: Partial<LoadOptions> = {}): Promise<Plugin> {
    return this.room.load(command, { ...counterOptions, ...over });
  }

  /** Waits until the sockets of this room are those that were there before. */
  async leaves(before: readonly string[]): Promise<void> {
    await poll(
      () => this.room.files().filter((path) => !before.includes(path)),
      (left) => left.length === 0,
    );
  }

  close(): Promise<void> {
    return this.room.close();
  }
}

/** What a counter's host needs to know of it. */
export const counterOptions = {
  name: 'counter',
  handshake: { cookie: ['COUNTER_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  contract: [CounterDefinition],
} satisfies Partial<LoadOptions>;

/** Has the plugin add through a helper that this scope serves. */
export async function put(
  scope: PinnedScope,
  key: string,
  value: number,
  helper: Partial<Helper> = addHelper,
  signal?: AbortSignal,
): Promise<PutResponse> {
  const id = await scope.broker.serve(AddHelperDefinition, helper);
  const options = signal === undefined ? limits : { ...limits, signal };
  return scope.client(CounterDefinition).put({ key, value, helper: id }, options);
}

/** Reads through a session that the plugin serves and this scope dials. */
export async function read(scope: PinnedScope, key: string): Promise<ReadResponse> {
  const { session } = await scope.client(CounterDefinition).open({}, limits);
  const channel = await scope.broker.dial(session);
  const answer = await createPromiseClient(CounterSessionDefinition, channel).read({ key }, limits);
  channel.close();
  return answer;
}
