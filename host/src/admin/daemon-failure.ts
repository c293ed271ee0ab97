import { status } from '@grpc/grpc-js';
import { PluginError } from '@plugd/protocol/plugin-error';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { ERROR_TRAILER, fromRpcError } from './error-wire';

/**
 * What the failure of a call means that its caller has not cancelled: the daemon's own PluginError; DAEMON_UNREACHABLE where nobody answers, or the
 * connection was lost; DAEMON_TOO_OLD where it doesn't know the method; OPTIONS_INVALID where more was sent than it takes. Any other error stays as it is.
 */
export function daemonFailure(error: unknown, socket: string): unknown {
  if (!(error instanceof RpcError)) return error;
  const told = fromRpcError(error);
  if (told !== undefined) return told;
  // Of a code that only a newer release knows: its sentence is the error's.
  if (error.metadata.get(ERROR_TRAILER).length > 0) return error;
  // A daemon that ends in haste cancels its calls; the caller did not.
  if (error.code === status.UNAVAILABLE || error.code === status.CANCELLED) return unreachable(error, socket);
  if (error.code === status.UNIMPLEMENTED) return tooOld(error, socket);
  if (error.code === status.RESOURCE_EXHAUSTED) return tooLarge(error) ?? error;
  return error;
}

/** The daemon takes connections, but says nothing. */
export function noAnswer(socket: string, timeoutMs: number, cause?: unknown): PluginError {
  return new PluginError(
    'DAEMON_UNREACHABLE',
    `The daemon at ${socket} did not answer within ${timeoutMs} ms.`,
    { facts: { socket, timeoutMs }, hint: 'See whether it is stopped or overloaded.', cause },
  );
}

const hints: Readonly<Record<string, string>> = {
  EACCES: 'The socket belongs to another user: call as the one who started the daemon.',
  ENOTSOCK: 'What is there is no socket: name that of the daemon.',
};

function unreachable(error: RpcError, socket: string): PluginError {
  const [, systemCode] = /connect (E[A-Z]+)/.exec(error.details) ?? [];
  const hint = hints[systemCode ?? ''];
  if (systemCode !== undefined || error.details.startsWith('No connection established')) {
    return new PluginError('DAEMON_UNREACHABLE', `No daemon answers at ${socket}.`, {
      facts: { socket, begun: false, ...(systemCode === undefined ? {} : { systemCode }) },
      ...(hint === undefined ? {} : { hint }),
      cause: error,
    });
  }
  return new PluginError('DAEMON_UNREACHABLE', `The connection to the daemon at ${socket} was lost.`, {
    facts: { socket, begun: true },
    hint: 'It may have done what it was asked: see how things stand before asking again.',
    cause: error,
  });
}

function tooOld(error: RpcError, socket: string): PluginError {
  const method = error.path.split('/')[2] ?? error.path;
  return new PluginError('DAEMON_TOO_OLD', `The daemon at ${socket} can't do ${method}.`, {
    facts: { socket, method },
    cause: error,
  });
}

/** Undefined: it is not the size that was refused. */
function tooLarge(error: RpcError): PluginError | undefined {
  const [, bytes, limit] = /message larger than max \((\d+) vs\.? (\d+)\)/.exec(error.details) ?? [];
  if (bytes === undefined || limit === undefined) return undefined;
  const method = error.path.split('/')[2] ?? error.path;
  return new PluginError(
    'OPTIONS_INVALID',
    `The request ${method} has ${bytes} bytes; the daemon takes at most ${limit}.`,
    {
      facts: { option: 'request', method, bytes: Number(bytes), limit: Number(limit) },
      hint: 'Send less: let options name files instead of holding what is in them.',
      cause: error,
    },
  );
}
