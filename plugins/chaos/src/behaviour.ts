import type { HandshakeLine } from '@plugd/protocol/handshake-line';
import type { BadAnswer } from './bad-answers';
import type { BrokerDeed, BrokerMessage } from './broker';

/** The methods of the samples' contract, one of each kind of call but two unary ones. */
export type CallKind = 'get' | 'put' | 'watch' | 'load' | 'chat';

/** All that can be wrong with this plugin. The default is nothing. */
export interface Behaviour {
  /** Before anything is printed; may end the process. */
  before: (() => Promise<void> | void)[];
  /** Instead of serving: nothing is listened on, what it prints is all that the host gets. */
  instead: (() => void) | undefined;
  /** What is printed for the handshake line that would be right. */
  line: (right: string, line: HandshakeLine) => string | Buffer;
  /** After the line. */
  after: (() => void)[];
  network: 'unix' | 'tcp';
  /** Where the socket lies. */
  socket: 'instance directory' | 'temp dir';
  /** What is met at the announced address; `silence` takes connections and says nothing. */
  server: 'grpc' | 'nobody' | 'silence' | 'rubbish' | 'hangs up' | { readonly badAnswer: BadAnswer };
  /** Whether the socket's file is there when the line says so. */
  socketFile: 'kept' | 'deleted';
  /** `own` is right; `foreign` announces another than the server uses; `none` leaves AutoMTLS unanswered. */
  certificate: 'own' | 'foreign' | 'none';
  /** Whether the server speaks TLS when it announced a certificate. */
  tls: boolean;
  /** Whether the server takes the host's certificate for the right one. */
  trustsHost: boolean;
  /** `blocks` hangs with the whole process; `nonsense` is a status that there isn't. */
  health: 'serving' | 'not serving' | 'hangs' | 'blocks' | 'crashes' | 'fails' | 'nonsense' | 'missing';
  drain: 'answers' | 'hangs' | 'blocks' | 'crashes';
  shutdown: 'leaves' | 'stays' | 'hangs' | 'blocks' | 'crashes' | 'missing';
  /** What it sends through GRPCStdio, again and again. */
  stdio: (() => Buffer) | undefined;
  /** Whether all connections share the first one, and the line says so. */
  multiplexed: boolean;
  /** `silent` hears and says nothing; an address is announced for id 1, whatever is there. */
  broker:
    | 'missing'
    | 'silent'
    | { readonly network: string; readonly address: string }
    | { readonly deed: BrokerDeed; readonly message: BrokerMessage };
  /** Whether it serves the contract that calls back, which it does without calling back. */
  counter: 'missing' | 'pretends';
  /** What a call of the contract does. */
  call: 'answers' | 'crashes' | 'hangs' | 'blocks' | 'panics';
  /** Which calls: all at once, or those of one kind, streams after their first message. */
  callKind: CallKind | 'any';
  /** Whether the sockets are this plugin's own, for garbage among what the server writes. */
  tampers: boolean;
}

export function wellBehaved(): Behaviour {
  return {
    before: [],
    instead: undefined,
    line: (right) => right,
    after: [],
    network: 'unix',
    socket: 'instance directory',
    server: 'grpc',
    socketFile: 'kept',
    certificate: 'own',
    tls: true,
    trustsHost: true,
    health: 'serving',
    drain: 'answers',
    shutdown: 'leaves',
    stdio: undefined,
    multiplexed: false,
    broker: 'missing',
    counter: 'missing',
    call: 'answers',
    callKind: 'any',
    tampers: false,
  };
}
