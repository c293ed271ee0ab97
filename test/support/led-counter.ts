import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Broker } from '@plugd/protocol/broker/broker';
import { hostBrokerStream } from '@plugd/protocol/broker/host-broker-stream';
import { LifecycleDefinition, type SnapshotResponse } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { AddHelperDefinition, CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { createPromiseClient, type PromiseClient } from '@plugd/protocol/rpc/client';
import { PluginProcess } from './plugin-process';

/** A counter's process, in the hands of a test that does what a host would. Dispose of it. */
export class LedCounter {
  readonly #counter: PromiseClient<typeof CounterDefinition>;

  private constructor(
    readonly plugin: PluginProcess,
    readonly life: PromiseClient<typeof LifecycleDefinition>,
    readonly broker: Broker,
    counter: PromiseClient<typeof CounterDefinition>,
    readonly directory: string,
  ) {
    this.#counter = counter;
  }

  /** It waits to be activated. */
  static async start(command: string, env: Readonly<Record<string, string>> = {}): Promise<LedCounter> {
    const plugin = new PluginProcess(command, {
      env: { COUNTER_PLUGIN: 'hello', PLUGD_INSTANCE_TOKEN: 'of-a-test', ...env },
    });
    const directory = mkdtempSync(join(tmpdir(), 'led-counter-'));
    try {
      const channel = await plugin.connect();
      const stream = hostBrokerStream(channel);
      const broker = new Broker({ stream, directory, peerDirectory: plugin.directory });
      const life = createPromiseClient(LifecycleDefinition, channel);
      return new LedCounter(plugin, life, broker, createPromiseClient(CounterDefinition, channel), directory);
    } catch (error) {
      await plugin.dispose();
      rmSync(directory, { recursive: true });
      throw error;
    }
  }

  /** Has the plugin add, by calling back. Resolves to the sum. */
  async add(key: string, value: number): Promise<number> {
    const helper = await this.broker.serve(AddHelperDefinition, { sum: async ({ a, b }) => ({ r: a + b }) });
    try {
      return (await this.#counter.put({ key, value, helper }, limits)).value;
    } finally {
      await this.broker.release(helper);
    }
  }

  async get(key: string): Promise<number> {
    return (await this.#counter.get({ key }, limits)).value;
  }

  async dispose(): Promise<void> {
    this.broker.close();
    await this.plugin.dispose();
    rmSync(this.directory, { recursive: true });
  }
}

const limits = { timeoutMs: 20_000 };

/** The way to the counter that serves. Calls that come while one hands over to the next wait for the next. */
export class LedRoute {
  #held: Promise<void> | undefined;

  constructor(private current: LedCounter) {}

  async add(key: string, value: number): Promise<number> {
    await this.#held;
    return await this.current.add(key, value);
  }

  async get(key: string): Promise<number> {
    await this.#held;
    return await this.current.get(key);
  }

  /** Hands the state over, and ends the one that had it. Throws where it fails; the calls then go to the old one. */
  async handOver(next: LedCounter): Promise<void> {
    let letGo = (): void => {};
    this.#held = new Promise((resolve) => {
      letGo = resolve;
    });
    const old = this.current;
    try {
      await old.life.pause({ limitMs: 10_000 }, limits);
      const parts: SnapshotResponse[] = [];
      for await (const part of old.life.snapshot({}, limits)) parts.push(part);
      await old.life.release({}, limits);
      await next.life.restore(parts, limits);
      const { same, difference } = await next.life.check(parts, limits);
      if (!same) throw new Error(difference);
      this.current = next;
      await next.life.activate({}, limits);
    } finally {
      this.#held = undefined;
      letGo();
    }
    await old.dispose();
  }
}
