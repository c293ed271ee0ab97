import type { HandshakeLine } from '@plugd/protocol/handshake-line';
import type { BrokerDeed, BrokerMessage } from './broker';

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
  server: 'grpc' | 'nobody' | 'silence' | 'rubbish' | 'hangs up';
  /** Whether the socket's file is there when the line says so. */
  socketFile: 'kept' | 'deleted';
  /** `own` is right; `foreign` announces another than the server uses; `none` leaves AutoMTLS unanswered. */
  certificate: 'own' | 'foreign' | 'none';
  /** Whether the server speaks TLS when it announced a certificate. */
  tls: boolean;
  /** Whether the server takes the host's certificate for the right one. */
  trustsHost: boolean;
  health: 'serving' | 'not serving' | 'hangs' | 'crashes' | 'fails' | 'missing';
  shutdown: 'leaves' | 'stays' | 'hangs' | 'missing';
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
  call: 'answers' | 'crashes' | 'hangs' | 'panics';
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
    shutdown: 'leaves',
    stdio: undefined,
    multiplexed: false,
    broker: 'missing',
    counter: 'missing',
    call: 'answers',
  };
}
