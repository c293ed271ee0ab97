import { setTimeout as sleep } from 'node:timers/promises';
import type { ChannelInterface } from '@grpc/grpc-js';
import { GRPCStdioDefinition, StdioData_Channel } from '@plugd/protocol/gen/plugin/grpc_stdio';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import type { OutputStream } from '../launch/keeper';
import type { OutputListener } from '../launch/launch-spec';
import { OutputBudget } from '../launch/output-budget';
import { addOutput, noOutput, type OutputCounters } from '../launch/output-counters';
import { OutputPump } from '../launch/output-pump';

/**
 * Consumes GRPCStdio, the stream of what a plugin prints after its handshake: it has one consumer, and nobody
 * reading it may block the plugin. Lines become records at `info`; floods are thinned out and slowed down.
 *
 * No more is taken from the wire than is asked for, but for a few messages, so slowing down reaches the plugin.
 */
export class StdioConsumer {
  readonly #budget: OutputBudget;
  readonly #pumps: Readonly<Record<OutputStream, OutputPump>>;
  #strayBytes = 0;
  #strayHeldMs = 0;

  /** @param budget of the instance: how much may come before it is thinned out and slowed down */
  constructor(onRecord: OutputListener, budget = new OutputBudget()) {
    this.#budget = budget;
    const pump = (stream: OutputStream): OutputPump =>
      new OutputPump({
        stream,
        budget,
        parse: (line) => ({ level: 'info', message: line, fields: { stream } }),
        onRecord,
      });
    this.#pumps = { stdout: pump('stdout'), stderr: pump('stderr') };
  }

  /** Of both streams together; what came for neither was dropped. */
  get counters(): OutputCounters {
    const { stdout, stderr } = this.#pumps;
    const stray = { ...noOutput, droppedBytes: this.#strayBytes, heldMs: this.#strayHeldMs };
    return addOutput(addOutput(stdout.counters, stderr.counters), stray);
  }

  /** Ends when the stream does, silently: plugins in other languages often lack the service. */
  async consume(channel: ChannelInterface, signal: AbortSignal): Promise<void> {
    const stdio = createPromiseClient(GRPCStdioDefinition, channel);
    try {
      for await (const { channel: from, data } of stdio.streamStdio({}, { signal })) {
        const pauseMs = this.#push(from, data);
        if (pauseMs > 0) await sleep(pauseMs, undefined, { signal, ref: false });
      }
    } catch {
      // Without the service, cut off with the process, or given up by us: there is nothing more to read.
    } finally {
      this.#pumps.stdout.end();
      this.#pumps.stderr.end();
    }
  }

  #push(channel: StdioData_Channel, data: Buffer): number {
    if (channel === StdioData_Channel.STDOUT) return this.#pumps.stdout.push(data);
    if (channel === StdioData_Channel.STDERR) return this.#pumps.stderr.push(data);
    // No stream that the protocol knows: worth nothing, but it costs the host as much.
    const pauseMs = this.#budget.arrived(data.length);
    this.#strayBytes += data.length;
    this.#strayHeldMs += pauseMs;
    return pauseMs;
  }
}
