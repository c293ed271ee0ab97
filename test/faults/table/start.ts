import type { ErrorCode } from '@plugd/host';
import type { Act, Fault } from './fault';

const acts: readonly Act[] = [{ act: 'load' }];

const refused = (
  name: string,
  moment: string,
  chaos: string,
  code: ErrorCode,
  over: Partial<Fault> = {},
): Fault => ({
  name,
  moment,
  chaos,
  acts,
  end: 'refused',
  code,
  ...over,
});

const field = (name: string, chaos: string, code: ErrorCode, over: Partial<Fault> = {}): Fault =>
  refused(`garbage as ${name}`, 'in the line', chaos, code, over);

const inTime = { startTimeoutMs: 1_500 };
const everyMode = { modes: ['plain', 'mtls', 'mux'] } as const;

/** Before it has ever served: it is refused, with the reason, and nothing is left. */
export const startFaults: readonly Fault[] = [
  refused('crash', 'before the line', 'signal:SIGSEGV', 'EXITED_BEFORE_HANDSHAKE', {
    ...everyMode,
    daily: true,
  }),
  refused('exit', 'in the middle of the line', 'half-line-exit', 'HANDSHAKE_INCOMPLETE'),
  refused('hang', 'before the line', 'silent', 'START_TIMEOUT', inTime),
  refused('hang', 'in the middle of the line', 'half-line', 'HANDSHAKE_INCOMPLETE', inTime),
  refused('crash', 'after the line', 'crash-after-line', 'PLUGIN_EXITED', everyMode),
  refused('hang', 'after the line', 'block-after-line', 'HEALTH_TIMEOUT', { ...everyMode, ...inTime }),
  refused('crash', 'in the first health check', 'crash-in-health', 'PLUGIN_EXITED', everyMode),
  refused('hang', 'in the first health check', 'block-in-health', 'HEALTH_TIMEOUT', {
    ...everyMode,
    ...inTime,
  }),
  refused(
    'crash with 300 children',
    'before the line',
    'children-first:300;exit:3',
    'EXITED_BEFORE_HANDSHAKE',
  ),

  field('the whole line', 'non-utf8', 'HANDSHAKE_UNREADABLE'),
  field('the core version', 'core-version:x', 'CORE_VERSION_UNREADABLE'),
  field('the protocol version', 'app-version:y', 'PROTOCOL_VERSION_UNREADABLE'),
  field('the network', 'line:1|1|pigeon|/tmp/x|grpc|', 'NETWORK_UNSUPPORTED'),
  field('the address', 'line:1|1|tcp|99999|grpc|', 'ADDRESS_INVALID'),
  field('the protocol', 'line:1|1|unix|/tmp/x|foo|', 'PROTOCOL_UNSUPPORTED'),
  field('the certificate', 'garbled-cert', 'CERTIFICATE_UNREADABLE'),
  refused('garbage', 'in the first frame', 'rubbish-socket', 'CONNECT_FAILED', { modes: ['plain'] }),
  refused('garbage', 'in the first TLS record', 'rubbish-socket', 'TLS_FAILED'),
  refused(
    'a health status that there is not',
    'in the first health check',
    'health-nonsense',
    'HEALTH_NOT_SERVING',
    inTime,
  ),
  refused('flood of 100 MB', 'before the line', 'flood-first:no-line:100', 'HANDSHAKE_TOO_LONG'),
];
