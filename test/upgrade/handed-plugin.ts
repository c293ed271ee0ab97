// A counter whose part in a handoff can go wrong in every way: bundled and run by the tests beside it, through Handed.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, type ServerWritableStream, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { RestoreResponse, SnapshotResponse } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { definePlugin, serve } from '@plugd/sdk';

/** What the plugin is: HANDED says it as JSON. */
export interface HandedOrder {
  readonly version?: string;
  readonly schema?: number;
  readonly keepsNothing?: boolean;
  readonly single?: boolean;
  readonly resources?: Readonly<Record<string, 'exclusive' | 'shared'>>;
  readonly snapshotEveryMs?: number;
  /** It takes over nothing of what it is given. */
  readonly forgets?: boolean;
  /** Its process is not usable: it leaves before its line, or at Activate. */
  readonly start?: 'exit';
}

/**
 * What becomes of the calls of its life, by their names. `error`: it answers with one. `late-error`: it does it, and says
 * that it did not. `hang`: it never answers. `exit`: the process leaves. `late:MS`: it does it after a while.
 */
export type Misdeed =
  | 'error'
  | 'late-error'
  | 'hang'
  | 'exit'
  | 'unimplemented'
  /** It takes over the state, and then has another one. */
  | 'spoil'
  | `late:${number}`
  | 'rubbish'
  | 'truncated'
  | 'corrupt'
  | 'no-header'
  | 'two-headers'
  | 'huge'
  | 'endless'
  | 'exit-halfway'
  | 'hang-halfway'
  | 'nothing';

/** By version, then by the method of Lifecycle. Read anew at each call. */
export type Misdeeds = Readonly<Record<string, Readonly<Record<string, Misdeed>>>>;

const order: HandedOrder = JSON.parse(process.env['HANDED'] ?? '{}');
/** By its argument, which unlike its environment a journal has. */
const [, , version = order.version ?? '1.0.0'] = process.argv;
const { schema = 1, keepsNothing = false, single, resources } = order;
if (order.start === 'exit') process.exit(3);

function misdeedOf(method: string): string | undefined {
  try {
    const told: Misdeeds = JSON.parse(readFileSync(process.env['HANDED_MISDEEDS'] ?? '', 'utf8'));
    return told[version]?.[method];
  } catch {
    return undefined;
  }
}

let spoil = (): void => {};
const never = new Promise<never>(() => {});

type Handler = (call: unknown, callback?: (error: unknown, bytes?: Buffer) => void) => void;

// Below the SDK, which would not do any of this.
const { addService } = Server.prototype;
Server.prototype.addService = function (definition, implementation) {
  const paths = Object.values(definition).map(({ path }) => path);
  const isLifecycle = paths.some((path) => path.startsWith('/plugd.lifecycle.v1.Lifecycle/'));
  addService.call(this, definition, isLifecycle ? bent(implementation) : implementation);
};

function bent(implementation: UntypedServiceImplementation): UntypedServiceImplementation {
  const handlers: UntypedServiceImplementation = {};
  for (const [method, handler] of Object.entries(implementation)) {
    const doIt = handler as unknown as Handler;
    handlers[method] = (async (call: unknown, callback?: (error: unknown, bytes?: Buffer) => void) => {
      const misdeed = misdeedOf(method);
      const failed = { code: 13, details: 'as it was told' };
      if (misdeed === undefined) return doIt(call, callback);
      if (misdeed === 'exit') process.exit(4);
      if (misdeed === 'hang') await never;
      if (misdeed.startsWith('late:')) {
        await sleep(Number(misdeed.slice('late:'.length)));
        return doIt(call, callback);
      }
      if (method === 'snapshot') return badSnapshot(call as ServerWritableStream<unknown, Buffer>, misdeed);
      if (misdeed === 'late-error') return doIt(call, () => callback?.(failed));
      if (misdeed === 'unimplemented') return callback?.({ code: 12, details: 'no such thing' });
      if (misdeed === 'spoil') {
        return doIt(call, (error, bytes) => {
          spoil();
          callback?.(error, bytes);
        });
      }
      if (misdeed !== 'rubbish') return callback?.(failed);
      if (method !== 'restore') return callback?.(null, Buffer.from([0x0a, 0x7f]));
      doIt(call, () =>
        callback?.(null, Buffer.from(RestoreResponse.encode({ sha256: Buffer.alloc(32, 1) }).finish())),
      );
    }) as unknown as UntypedServiceImplementation[string];
  }
  return handlers;
}

async function badSnapshot(call: ServerWritableStream<unknown, Buffer>, misdeed: string): Promise<void> {
  const write = (part: SnapshotResponse['part']) =>
    call.write(Buffer.from(SnapshotResponse.encode({ part }).finish()));
  const header = { $case: 'header', value: { schema } } as const;
  const data = { $case: 'data', value: Buffer.from('{"a":') } as const;
  const end = { $case: 'end', value: { bytes: 5, sha256: Buffer.alloc(32, 1) } } as const;
  switch (misdeed) {
    case 'error':
      call.emit('error', { code: 13, details: 'as it was told' });
      return;
    case 'rubbish':
      call.write(Buffer.from([0x0a, 0x7f]));
      break;
    case 'no-header':
      write(data);
      break;
    case 'two-headers':
      write(header);
      write(header);
      break;
    case 'truncated':
      write(header);
      write(data);
      break;
    case 'corrupt':
      for (const part of [header, data, end]) write(part);
      break;
    case 'huge':
      write(header);
      write({ $case: 'data', value: Buffer.alloc(1024 * 1024 + 1) });
      break;
    case 'endless':
      write(header);
      for (const piece = Buffer.alloc(64 * 1024); !call.cancelled; await sleep(1)) {
        write({ $case: 'data', value: piece });
      }
      return;
    case 'exit-halfway':
      write(header);
      write(data);
      await sleep(20);
      process.exit(4);
      break;
    case 'hang-halfway':
      write(header);
      write(data);
      return;
    default:
      break;
  }
  call.end();
}

const signature = { servedBy: version, pid: process.pid };
/** What it was made to keep beside its numbers. */
const eaten: Buffer[] = [];
/** The numbers of one that keeps nothing. */
let own: Record<string, number> = {};

const state = {
  schema,
  snapshotEveryMs: order.snapshotEveryMs ?? 0,
  initial: (): Record<string, number> => ({}),
  ...(order.forgets === true
    ? { encode: (value: unknown) => Buffer.from(JSON.stringify(value)), decode: () => ({}) }
    : {}),
  ...(schema <= 2 ? { migrate: { [3 - schema]: (other: unknown) => other as Record<string, number> } } : {}),
};

const plugin = definePlugin({
  name: 'counter',
  version,
  handshake: { cookie: ['COUNTER_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  ...(keepsNothing ? {} : { state }),
  ...(resources === undefined ? {} : { resources }),
  ...(single === undefined ? {} : { single }),
  setup(ctx) {
    const numbers = (): Record<string, number> =>
      keepsNothing ? own : (ctx.state.value as Record<string, number>);
    spoil = () => {
      numbers()['another'] = 1;
    };
    if (resources !== undefined) {
      ctx.onRelease(() => {});
      ctx.onResume(() => {});
    }
    ctx.onActivate(() => {
      own = {};
    });
    ctx.service(CounterDefinition, {
      async put({ key, value }, call) {
        if (key === 'eat') eaten.push(Buffer.alloc(value * 1024 * 1024, 1));
        if (key === 'stay') await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
        if (key.startsWith('slow')) await sleep(20);
        const sum = (numbers()[key] ?? 0) + value;
        numbers()[key] = sum;
        return { value: sum, ...signature };
      },
      async get({ key }) {
        if (key === 'slow') await sleep(1500);
        const value = numbers()[key];
        return value === undefined ? { found: false, ...signature } : { found: true, value, ...signature };
      },
      open: () => ({ session: 0, ...signature }),
    });
    ctx.service(KvDefinition, {
      get: () => ({ found: false, ...signature }),
      put: () => signature,
      async *watch() {},
      load: () => signature,
      // Counts, until it is told that another version takes over.
      async *chat(_requests, call) {
        yield { sequence: 0, ...signature };
        while (!call.draining.aborted && !call.signal.aborted) {
          numbers()['chat'] = (numbers()['chat'] ?? 0) + 1;
          await sleep(5);
        }
        yield { sequence: numbers()['chat'] ?? 0, ...signature };
      },
    });
  },
});

void serve(plugin);
