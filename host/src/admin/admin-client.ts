import { setMaxListeners } from 'node:events';
import { resolve } from 'node:path';
import { Channel, credentials, status } from '@grpc/grpc-js';
import { AdminDefinition, type GetDaemonResponse } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { grpcTarget } from '@plugd/protocol/grpc-address';
import { MESSAGE_LIMIT_BYTES } from '@plugd/protocol/message-limit';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { CallOptions } from '@plugd/protocol/rpc/call-options';
import { createPromiseClient, type PromiseClient } from '@plugd/protocol/rpc/client';
import { toMetadata } from '@plugd/protocol/rpc/metadata';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { check, checkedWaitMs, isText } from '../instance/option-check';
import { CLIENT_KEY, noteText, ownNote } from './caller-note';
import { daemonFailure, noAnswer } from './daemon-failure';

/** How to reach a daemon. */
export interface AdminOptions {
  /** How long the daemon may take to answer at first, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number;
  /** What the daemon's record of changes calls this client. Default: the name of the program's file. */
  readonly program?: string;
}

/**
 * The daemon's admin API in promises and AsyncIterables. What the daemon refuses rejects with the PluginError that it told;
 * DAEMON_UNREACHABLE where nobody answers any more, DAEMON_TOO_OLD where the daemon doesn't know the method, OPTIONS_INVALID where
 * a request has more than 4 MiB, CLIENT_CLOSED after `close()`; an RpcError for a call that its caller ended. After a daemon has been started again, calls go on by themselves.
 */
export interface AdminClient extends PromiseClient<AdminDefinition> {
  /** The daemon as it was when the connection was made. */
  readonly daemon: GetDaemonResponse;
  /** The path of its socket. */
  readonly socket: string;
  /** Ends the connection, and with it the calls in flight. */
  close(): void;
}

/**
 * Connects to the daemon at this socket.
 *
 * @throws PluginError OPTIONS_INVALID; DAEMON_UNREACHABLE
 */
export async function connectAdmin(socket: string, options: AdminOptions = {}): Promise<AdminClient> {
  check(isText(socket) && socket !== '', 'socket', socket, 'the path of a socket');
  const timeoutMs = checkedWaitMs('timeoutMs', options.timeoutMs, 5_000, 1);
  const path = resolve(socket);
  const channel = openAdminChannel(path);
  const closing = new AbortController();
  // One for each call in flight is no leak.
  setMaxListeners(0, closing.signal);
  const close = () => {
    closing.abort();
    channel.close();
  };
  const client = withCallerAndErrors(createPromiseClient(AdminDefinition, channel), {
    socket: path,
    note: noteText(ownNote(options.program)),
    closed: closing.signal,
  });
  try {
    const daemon = await client.getDaemon({}, { timeoutMs });
    return { ...client, daemon, socket: path, close };
  } catch (error) {
    close();
    const late = error instanceof RpcError && error.code === status.DEADLINE_EXCEEDED;
    throw late ? noAnswer(path, timeoutMs, error) : error;
  }
}

function openAdminChannel(path: string): Channel {
  return new Channel(grpcTarget('unix', path), credentials.createInsecure(), {
    'grpc.max_receive_message_length': MESSAGE_LIMIT_BYTES,
    'grpc.max_send_message_length': -1,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_channelz': 0,
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 250,
    // A daemon that is stopped, or hangs, would else let calls without a limit of their own wait for ever.
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 20_000,
  });
}

interface Surroundings {
  readonly socket: string;
  readonly note: string;
  readonly closed: AbortSignal;
}

type Call = (request: unknown, options: CallOptions) => Promise<unknown> | AsyncIterable<unknown>;

function withCallerAndErrors(
  client: PromiseClient<AdminDefinition>,
  surroundings: Surroundings,
): PromiseClient<AdminDefinition> {
  const wrap = (call: Call) => {
    return (request: unknown, options: CallOptions = {}) => {
      const answer = call(request, completed(options, surroundings));
      const meaningOf = (error: unknown) => meaning(error, options, surroundings);
      return answer instanceof Promise
        ? answer.catch((error: unknown) => {
            throw meaningOf(error);
          })
        : answersOf(answer, meaningOf);
    };
  };
  // Each of its methods takes and gives what it did before, which a compiler can't follow through a list of entries.
  return Object.fromEntries(
    Object.entries(client).map(([key, call]) => [key, wrap(call as Call)]),
  ) as unknown as PromiseClient<AdminDefinition>;
}

function completed(options: CallOptions, { note, closed }: Surroundings): CallOptions {
  const metadata = toMetadata(options.metadata);
  metadata.set(CLIENT_KEY, note);
  const { signal } = options;
  return { ...options, metadata, signal: signal === undefined ? closed : AbortSignal.any([signal, closed]) };
}

async function* answersOf(
  answers: AsyncIterable<unknown>,
  meaningOf: (error: unknown) => unknown,
): AsyncGenerator<unknown> {
  try {
    yield* answers;
  } catch (error) {
    throw meaningOf(error);
  }
}

function meaning(error: unknown, { signal }: CallOptions, { socket, closed }: Surroundings): unknown {
  if (signal?.aborted) return error;
  if (!closed.aborted) return daemonFailure(error, socket);
  return new PluginError('CLIENT_CLOSED', 'The connection to the daemon has been closed.', {
    hint: 'Connect again; a closed connection stays closed.',
    cause: error,
  });
}
