import type { HandshakeLine } from '@plugd/protocol/handshake-line';

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
  /** Whether something answers on the announced address. */
  listens: boolean;
  /** `own` is right; `foreign` announces another than the server uses; `none` leaves AutoMTLS unanswered. */
  certificate: 'own' | 'foreign' | 'none';
  /** Whether the server speaks TLS when it announced a certificate. */
  tls: boolean;
  health: 'serving' | 'not serving' | 'hangs' | 'crashes' | 'fails';
  shutdown: 'leaves' | 'hangs';
  /** What a call of the contract does. */
  call: 'answers' | 'crashes' | 'hangs';
}

export function wellBehaved(): Behaviour {
  return {
    before: [],
    instead: undefined,
    line: (right) => right,
    after: [],
    network: 'unix',
    socket: 'instance directory',
    listens: true,
    certificate: 'own',
    tls: true,
    health: 'serving',
    shutdown: 'leaves',
    call: 'answers',
  };
}
