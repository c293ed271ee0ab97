import type { Fault, Mode } from './fault';

/**
 * Calls are made anew or lost with the connection; INTERNAL is HTTP/2's own word for what it could not read, and
 * UNAVAILABLE what it says to a call that begins while the connection ends for that.
 */
const BROKEN = ['OK', 'UNAVAILABLE INSTANCE_LOST', 'INTERNAL', 'UNAVAILABLE'];

/**
 * Where the host may not get another connection in time: Node often keeps one open on which it has read a frame that is
 * none, says nothing of it and reads no more, until health checks find out.
 */
const replaced: Partial<Fault> = { orEnd: 'restarted' };

const frame = (name: string, kind: string, over: Partial<Fault> = {}): Fault => ({
  name: `garbage on the connection: ${name}`,
  moment: 'at work',
  modes: ['plain'],
  chaos: 'own-sockets',
  acts: [
    { act: 'call', kind: 'load' },
    { act: 'tell', chaos: `garbage:${kind}` },
    { act: 'call', kind: 'get' },
  ],
  end: 'unchanged',
  calls: BROKEN,
  steady: BROKEN,
  ...over,
});

const answered = (
  name: string,
  kind: string,
  calls: readonly string[],
  over: Partial<Fault> = {},
): Fault => ({
  name: `garbage in an answer: ${name}`,
  moment: 'in a call',
  chaos: `bad-answer:${kind}`,
  acts: [
    { act: 'load' },
    { act: 'call', kind: 'get', timeoutMs: 3_000 },
    { act: 'call', kind: 'chat', timeoutMs: 3_000 },
  ],
  end: 'unchanged',
  calls,
  ...over,
});

const plainAndTls: readonly Mode[] = ['plain', 'mtls'];

/** Garbage in each frame and field that it can send, once it serves. */
export const garbageFaults: readonly Fault[] = [
  frame('bytes', 'rubbish', { modes: plainAndTls, daily: true, ...replaced }),
  frame('frames of no known type', 'unknown-type'),
  frame('a frame that is too long', 'too-long', replaced),
  frame('data for no stream', 'no-such-stream', replaced),
  frame('headers that cannot be unpacked', 'bad-headers', replaced),
  frame('headers without an end', 'headers-without-end', replaced),
  frame('resets of no stream', 'reset-no-stream'),
  frame('half a setting', 'bad-settings', replaced),
  frame('200,000 settings', 'many-settings', replaced),
  frame('a pushed stream', 'push'),
  frame('200,000 pings', 'many-pings', replaced),
  frame('a farewell', 'goaway'),
  frame('a window of nothing', 'no-window'),
  frame('a window beyond all bounds', 'huge-window'),
  {
    ...frame('its end', ''),
    acts: [
      { act: 'call', kind: 'load' },
      { act: 'tell', chaos: 'cut-connections' },
      { act: 'call', kind: 'get' },
    ],
  },

  answered('another content type', 'not-grpc', ['INTERNAL']),
  answered('an HTTP status', 'http-status', ['UNKNOWN']),
  answered('no gRPC status', 'no-status', ['UNKNOWN']),
  answered('a gRPC status that is no number', 'status-no-number', ['STATUS_NaN']),
  answered('a gRPC status that there is not', 'status-unknown', ['STATUS_99']),
  answered('escapes in the status message', 'message-escapes', ['INTERNAL']),
  answered('binary metadata that is not base64', 'odd-metadata', ['OK']),
  answered('a message that is no protobuf', 'no-protobuf', ['INTERNAL'], { daily: true }),
  answered('no message', 'no-message', ['UNIMPLEMENTED', 'OK']),
  // grpc-js reads one message of an answer that has one, and then waits for an end that comes behind the second.
  answered('two messages for one', 'two-messages', ['DEADLINE_EXCEEDED', 'OK']),
  answered('a compression flag that there is not', 'odd-flag', ['INTERNAL']),
  answered('a compression that was not named', 'compressed', ['INTERNAL']),
  answered('compressed rubbish', 'bad-gzip', ['INTERNAL']),
  answered('64 MiB in 64 KiB', 'gzip-bomb', ['OK'], { growthMiB: 300 }),
  answered('a message that is cut off', 'cut-off', ['UNIMPLEMENTED', 'OK']),
  answered('a message larger than the limit', 'too-long', ['RESOURCE_EXHAUSTED']),
  answered('huge headers', 'huge-headers', ['INTERNAL', 'UNAVAILABLE INSTANCE_LOST']),
  answered('5,000 trailers', 'many-trailers', ['INTERNAL']),
  answered('a reset', 'reset', ['RESOURCE_EXHAUSTED']),
  answered('the end of the connection', 'ends-connection', ['UNAVAILABLE INSTANCE_LOST']),
];
