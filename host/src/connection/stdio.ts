import { setTimeout as sleep } from 'node:timers/promises';
import type { ChannelInterface } from '@grpc/grpc-js';
import { GRPCStdioDefinition, StdioData_Channel } from '@plugd/protocol/gen/plugin/grpc_stdio';
import type { LogRecord } from '@plugd/protocol/log-record';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import type { OutputStream } from '../launch/keeper';
import { OutputBudget } from '../launch/output-budget';
import { OutputPump } from '../launch/output-pump';

/**
 * Consumes GRPCStdio, the stream of what a plugin prints after its handshake: it has one consumer, and nobody
 * reading it may block the plugin. Lines become records at `info`; floods are thinned out and slowed down.
 *
 * Ends when the stream does, silently: plugins in other languages often lack the service.
 */
export async function consumeStdio(
  channel: ChannelInterface,
  onRecord: (record: LogRecord, stream: OutputStream) => void,
  signal: AbortSignal,
): Promise<void> {
  const budget = new OutputBudget();
  const pump = (stream: OutputStream) =>
    new OutputPump({
      stream,
      budget,
      parse: (line) => ({ level: 'info', message: line, fields: { stream } }),
      onRecord,
    });
  const pumps = { stdout: pump('stdout'), stderr: pump('stderr') };
  try {
    for await (const { channel: from, data } of createPromiseClient(GRPCStdioDefinition, channel).streamStdio(
      {},
      { signal },
    )) {
      const stream =
        from === StdioData_Channel.STDOUT
          ? 'stdout'
          : from === StdioData_Channel.STDERR
            ? 'stderr'
            : undefined;
      if (stream === undefined) continue;
      const pauseMs = pumps[stream].push(data);
      if (pauseMs > 0) await sleep(pauseMs, undefined, { signal, ref: false });
    }
  } catch {
    // Without the service, cut off with the process, or given up by us: there is nothing more to read.
  } finally {
    pumps.stdout.end();
    pumps.stderr.end();
  }
}
