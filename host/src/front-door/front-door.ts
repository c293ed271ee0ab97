import { setMaxListeners } from 'node:events';
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { status } from '@grpc/grpc-js';
import { LONGEST_TIMER_MS } from '@plugd/protocol/longest-timer';
import { MESSAGE_LIMIT_BYTES } from '@plugd/protocol/message-limit';
import { PluginError } from '@plugd/protocol/plugin-error';
import { printable } from '@plugd/protocol/printable';
import { type Refusal, refusalStatus } from '../routing/refusal';
import { DoorCall } from './door-call';
import { DoorHealth } from './door-health';
import { type DoorPlace, type DoorPlaceOptions, listenAt } from './door-place';
import { DoorReflection } from './door-reflection';
import { forward } from './forward';
import { PLUGIN_KEY } from './forwarded-metadata';
import { answerHere, type LocalMethod } from './local-call';
import { type FrontDoorPlugin, type OfferOptions, ownServices, ServiceTable } from './service-table';
import { Traffic, type TrafficCounts } from './traffic';

/** Where a front door is, and what it takes. */
export type FrontDoorOptions = DoorPlaceOptions & {
  /**
   * The largest message that it takes from either side, in bytes; a larger one ends its call with RESOURCE_EXHAUSTED.
   * Default 64 MiB.
   */
  readonly maxMessageBytes?: number;
  /** How many calls one connection may have at a time; its client lets the others wait. Default 1000. */
  readonly maxCallsPerConnection?: number;
};

/** What can be counted of a front door. */
export interface FrontDoorStatistics {
  readonly connections: number;
  /** Of all calls, also those of health and reflection, and those of services that are not public. */
  readonly calls: TrafficCounts;
  readonly services: readonly (TrafficCounts & { readonly service: string; readonly plugin: string })[];
}

/** Messages as protobuf has them; `application/grpc-web` and others are not the same on the wire. */
const grpcType = /^application\/grpc(\+proto)?\s*(;|$)/i;
/** How much of a request may be on its way before anybody has asked for it. */
const windowBytes = 64 * 1024;
/** How long the ends of cut calls may take to reach their callers, in milliseconds. */
const farewellMs = 500;

/**
 * One endpoint for clients of any language: it takes calls of public services, and forwards each to its plugin, message
 * by message and as bytes. What kind of method it is makes no difference: on the wire they are all alike.
 */
export class FrontDoor {
  readonly #server: Http2Server;
  readonly #table = new ServiceTable();
  readonly #health = new DoorHealth(this.#table);
  readonly #reflection = new DoorReflection(this.#table);
  readonly #traffic = new Traffic();
  readonly #closing = new AbortController();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #calls = new Set<DoorCall>();
  readonly #maxMessageBytes: number;
  readonly #own: ReadonlyMap<string, LocalMethod>;
  #place: DoorPlace | undefined;
  #closed: Promise<void> | undefined;

  private constructor(options: FrontDoorOptions) {
    // Each call that is answered here listens.
    setMaxListeners(0, this.#closing.signal);
    this.#maxMessageBytes = options.maxMessageBytes ?? 64 * 1024 * 1024;
    this.#own = new Map([
      ['/grpc.health.v1.Health/Check', this.#health.check],
      ['/grpc.health.v1.Health/List', this.#health.list],
      ['/grpc.health.v1.Health/Watch', this.#health.watch],
      ['/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', this.#reflection.converse],
      ['/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo', this.#reflection.converse],
    ]);
    this.#server = createServer({
      // Each call is bounded by itself; what Node counts here would end them all at once.
      maxSessionMemory: Number.MAX_SAFE_INTEGER,
      // How many headers are too many is for the plugin to say; how many bytes they may have is bounded by itself.
      maxHeaderListPairs: 2_000,
      settings: {
        maxConcurrentStreams: options.maxCallsPerConnection ?? 1000,
        initialWindowSize: windowBytes,
      },
    });
    this.#server.on('session', (session) => this.#enter(session));
    this.#server.on('sessionError', () => {});
    this.#server.on(
      'stream',
      (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: string[]) =>
        this.#take(stream, headers, rawHeaders),
    );
  }

  /**
   * @throws PluginError OPTIONS_INVALID; SOCKET_IN_USE where somebody listens, SOCKET_PATH_TOO_LONG, LISTEN_FAILED
   */
  static async open(options: FrontDoorOptions): Promise<FrontDoor> {
    check('maxMessageBytes', options.maxMessageBytes, MESSAGE_LIMIT_BYTES);
    check('maxCallsPerConnection', options.maxCallsPerConnection, 2 ** 31 - 1);
    const door = new FrontDoor(options);
    door.#place = await listenAt(door.#server, options);
    return door;
  }

  /** A target for clients: `unix:/path`, or `127.0.0.1:port`. */
  get target(): string {
    const { network = 'unix', address = '' } = this.#place ?? {};
    return network === 'unix' ? `unix:${address}` : address;
  }

  /**
   * Makes these services of the plugin public, and no others of it: all of them, or none. Calls in flight go on.
   *
   * Where several plugins have one service, it is the first one's; the others' are reached by calls that name the plugin with the
   * metadata `plugd-plugin`.
   *
   * @returns a SERVICE_TAKEN for each that is another plugin's, where they are to be shared
   * @throws PluginError OPTIONS_INVALID for what is no name of a service, or a service for hosts alone; SERVICE_TAKEN
   */
  offer(plugin: FrontDoorPlugin, services: readonly string[], options: OfferOptions = {}): PluginError[] {
    const taken = this.#table.offer(plugin, services, options);
    this.#changed();
    return taken;
  }

  /** The plugin has no public services any longer. Calls in flight go on. */
  withdraw(plugin: string): void {
    this.#table.withdraw(plugin);
    this.#changed();
  }

  /** To be called when the state of a plugin may have changed: tells those who watch its health. */
  refresh(): void {
    this.#health.changed();
  }

  #changed(): void {
    this.#traffic.keep(this.#table.services.map(({ name }) => name));
    this.#health.changed();
  }

  statistics(): FrontDoorStatistics {
    return {
      connections: this.#sessions.size,
      calls: this.#traffic.all,
      services: this.#table.services.map(({ name, plugin }) => ({
        service: name,
        plugin: plugin.name,
        ...this.#traffic.of(name),
      })),
    };
  }

  /**
   * Takes no more calls, and removes the socket. Calls in flight may end within the limit, in milliseconds (default
   * 10,000); then they are cut with UNAVAILABLE.
   */
  close({ timeoutMs = 10_000 }: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closed ??= this.#close(timeoutMs);
    return this.#closed;
  }

  async #close(timeoutMs: number): Promise<void> {
    this.#place?.remove();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#health.close();
    this.#closing.abort();
    for (const session of this.#sessions) session.close();
    // Connections end with their last call, once its caller has all of the answer.
    await atMost(timeoutMs, closed);
    const cut = { code: 'HOST_CLOSED', details: 'The front door was closed', executed: 'maybe' } as const;
    for (const call of [...this.#calls]) call.cut(refusalStatus(cut));
    await atMost(farewellMs, closed);
    for (const session of this.#sessions) session.destroy();
    await closed;
    this.#sessions.clear();
  }

  #enter(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.on('error', () => {});
    session.once('close', () => this.#sessions.delete(session));
    if (this.#closing.signal.aborted) session.close();
  }

  #take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
    if (headers[':method'] !== 'POST' || !grpcType.test(headers['content-type'] ?? '')) {
      stream.on('error', () => {});
      stream.respond({ ':status': headers[':method'] === 'POST' ? 415 : 405 }, { endStream: true });
      return;
    }
    const [, service = '', method] = headers[':path']?.split('/') ?? [];
    const named = headers[PLUGIN_KEY]?.toString();
    const found = method === undefined ? undefined : this.#table.find(service, named);
    const ended = this.#traffic.begin(found?.name);
    const call = new DoorCall(stream, headers, rawHeaders, this.#maxMessageBytes, (code) => {
      ended(code);
      this.#calls.delete(call);
    });
    this.#calls.add(call);
    const own = this.#own.get(call.path);
    const { deadline } = call;
    if (deadline === undefined) call.refuse(status.INTERNAL, 'The header grpc-timeout can not be read');
    else if (found !== undefined) this.#forward(call, found.plugin, deadline);
    else if (named !== undefined && this.#table.plugin(named) === undefined)
      call.end(refusalStatus(notHere(named)));
    else if (own !== undefined)
      void answerHere(call, own, { closing: this.#closing.signal, deadline, plugin: named });
    else if (isOwn(service)) call.refuse(status.UNIMPLEMENTED, `unknown method ${printable(call.path)}`);
    else call.refuse(status.UNIMPLEMENTED, notPublic(service));
  }

  /** What a call can carry and grpc-js can't is that call's misfortune alone. */
  #forward(call: DoorCall, plugin: FrontDoorPlugin, deadline: number): void {
    try {
      forward(call, plugin.channel, deadline);
    } catch (error) {
      call.refuse(status.INTERNAL, error instanceof Error ? error.message : String(error));
    }
  }
}

/** Opens a front door. See {@link FrontDoor.open}. */
export function createFrontDoor(options: FrontDoorOptions): Promise<FrontDoor> {
  return FrontDoor.open(options);
}

function notHere(plugin: string): Refusal {
  return { code: 'ROUTE_CLOSED', details: `There is no plugin "${printable(plugin)}" here` };
}

function isOwn(service: string): boolean {
  return ownServices.some((one) => one === service);
}

function notPublic(service: string): string {
  return `There is no public service "${printable(service)}" here: what no plugin's manifest names is private`;
}

async function atMost(limitMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.min(limitMs, LONGEST_TIMER_MS));
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}

function check(name: string, value: number | undefined, most: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= most)) return;
  throw new PluginError('OPTIONS_INVALID', `${name} must be a whole number from 1 to ${most}.`, {
    facts: { option: name },
  });
}
