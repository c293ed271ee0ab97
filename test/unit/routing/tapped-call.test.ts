import { Metadata, status } from '@grpc/grpc-js';
import type { Call } from '../../../host/src/routing/grpc-call';
import { SwapChannel } from '../../../host/src/routing/swap-channel';
import type { CallTap, TappedCall } from '../../../host/src/routing/tap';
import { FakeChannel } from './fake-channel';

const PATH = '/test.Service/Get';

/** Writes down who heard what, in its order. */
class Room {
  readonly heard: string[] = [];
  readonly channel = new FakeChannel();
  readonly route = new SwapChannel({ name: 'test' });

  constructor() {
    this.route.swap({ number: 1, channel: this.channel });
  }

  tap(over: Partial<TappedCall> = {}): CallTap {
    return {
      call: (path, metadata) => {
        this.heard.push(`tap: ${path} ${metadata.get('key')}`);
        return {
          request: (message) => this.heard.push(`tap: request ${text(message)}`),
          response: (message) => this.heard.push(`tap: response ${text(message)}`),
          end: (code, details) => this.heard.push(`tap: end ${status[code]} ${details}`),
          ...over,
        };
      },
    };
  }

  /** One unary call from its start to its end. */
  call(onEnd: () => void = () => {}): Call {
    const call = this.route.facade().createCall(PATH, Number.POSITIVE_INFINITY, null, null, null);
    const metadata = new Metadata();
    metadata.set('key', 'value');
    call.start(metadata, {
      onReceiveMetadata: () => {},
      onReceiveMessage: (message: unknown) => this.heard.push(`caller: response ${message}`),
      onReceiveStatus: ({ code }) => {
        this.heard.push(`caller: end ${status[code]}`);
        onEnd();
      },
    });
    call.sendMessageWithContext({}, Buffer.from('question'));
    call.halfClose();
    const running = this.channel.calls.at(-1);
    running?.listener?.onReceiveMessage(Buffer.from('answer'));
    running?.end(status.OK, 'done');
    return call;
  }
}

const text = (message: Uint8Array): string => Buffer.from(message).toString();

test('a tap hears of a call after those whose call it is', () => {
  const room = new Room();
  room.route.tap = room.tap();
  room.call();
  expect(room.heard).toEqual([
    `tap: ${PATH} value`,
    'tap: request question',
    'caller: response answer',
    'tap: response answer',
    'caller: end OK',
    'tap: end OK done',
  ]);
  expect(room.channel.calls[0]?.sent).toEqual(['question']);
});

test.each(['call', 'request', 'response', 'end'] as const)(
  'what a tap throws in %s reaches nobody',
  (place) => {
    const room = new Room();
    const fail = (): never => {
      throw new Error('the tap is broken');
    };
    room.route.tap = place === 'call' ? { call: fail } : room.tap({ [place]: fail });
    room.call();
    expect(room.heard.filter((line) => line.startsWith('caller'))).toEqual([
      'caller: response answer',
      'caller: end OK',
    ]);
  },
);

test.each(['request', 'response', 'end'] as const)(
  'a tap whose promise is rejected in %s hears no more of the call, and nobody hears of that',
  async (place) => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      const room = new Room();
      const fail = async (): Promise<never> => {
        throw new Error('the tap is broken');
      };
      room.route.tap = room.tap({ [place]: fail });
      const call = room.call();
      await new Promise((next) => setImmediate(next));
      room.heard.splice(0);
      call.sendMessageWithContext({}, Buffer.from('one more'));
      expect({ heard: room.heard, unhandled }).toEqual({ heard: [], unhandled: [] });
    } finally {
      process.off('unhandledRejection', note);
    }
  },
);

test('a tap hears of the end also when the caller throws', () => {
  const room = new Room();
  room.route.tap = room.tap();
  expect(() =>
    room.call(() => {
      throw new Error('the caller is broken');
    }),
  ).toThrow('the caller is broken');
  expect(room.heard.at(-1)).toBe('tap: end OK done');
});

test('a tap sees the calls that are made while it is set, and of those what it wants', () => {
  const room = new Room();
  room.call();
  room.route.tap = { call: () => undefined };
  room.call();
  room.route.tap = undefined;
  room.call();
  expect(room.heard.filter((line) => line.startsWith('tap'))).toEqual([]);
  expect(room.heard).toHaveLength(6);
});

test('what a caller asks of a tapped call it asks of the call', () => {
  const room = new Room();
  room.route.tap = room.tap();
  const call = room.call();
  call.startRead();
  call.cancelWithStatus(status.CANCELLED, 'enough');
  const real = room.channel.calls[0];
  expect(real?.reads).toBe(1);
  expect(real?.cancelled).toEqual(['enough']);
  expect(real?.halfClosed).toBe(true);
  expect(call.getCallNumber()).toBeDefined();
  expect(call.getPeer()).toBeDefined();
});
