import { PluginError } from '@plugd/protocol/plugin-error';
import type { HealthAnswer } from '../../../host/src/connection/health';
import type { HostEventDraft, InstanceState } from '../../../host/src/events/host-event';
import type { InstanceFactory } from '../../../host/src/instance/instance-factory';
import type { LoadOptions } from '../../../host/src/instance/load-options';
import { resolveSpec } from '../../../host/src/instance/plugin-spec';
import { transitions } from '../../../host/src/instance/transitions';
import type { ExitInfo } from '../../../host/src/launch/keeper';
import type { Platform } from '../../../host/src/platform/platform';
import { PluginResources } from '../../../host/src/resources/plugin-resources';
import { RestartCounters } from '../../../host/src/supervision/restart-counters';
import { type Condition, Supervisor } from '../../../host/src/supervision/supervisor';
import { RecordingLogger } from '../../support/recording-logger';
import { FakeChannel } from '../routing/fake-channel';

/** An instance without a process. It goes through the states of a real one, and throws where that would. */
export class FakeInstance {
  readonly states: InstanceState[] = ['ready'];
  readonly channel = new FakeChannel();
  readonly identity;
  health: HealthAnswer = { status: 'serving' };
  killed = false;
  stopFails = false;
  #exited: (exit: ExitInfo) => void = () => {};
  #onCrash: () => void = () => {};
  readonly launched;
  readonly connection;

  constructor(
    readonly id: string,
    generation: number,
  ) {
    this.identity = { id, plugin: 'kv', version: '1.0.0', generation };
    const exited = new Promise<ExitInfo>((resolve) => {
      this.#exited = resolve;
    });
    this.launched = {
      record: { pid: 1, foreign: undefined },
      exit: undefined as ExitInfo | undefined,
      exited,
      outputEnded: Promise.resolve(),
      error: (...[code, summary, options]: ConstructorParameters<typeof PluginError>) =>
        new PluginError(code, summary, options),
    };
    this.connection = {
      channel: this.channel,
      health: async () => this.health,
      lifecycle: { announceDrain: async () => {} },
    };
  }

  get state(): InstanceState {
    return this.states.at(-1) ?? 'ready';
  }

  get origin() {
    return { plugin: 'kv', instance: this.id };
  }

  get ended(): boolean {
    return this.state === 'stopped' || this.state === 'failed';
  }

  transition(to: InstanceState): void {
    if (!transitions[this.state].includes(to))
      throw new Error(`${this.id} can't go from ${this.state} to ${to}`);
    this.states.push(to);
  }

  fail(): void {
    if (!this.ended) this.transition('failed');
  }

  onCrash(listener: () => void): void {
    this.#onCrash = listener;
    if (this.launched.exit !== undefined) void Promise.resolve().then(listener);
  }

  /** Its process ends by itself. */
  crash(code = 1): void {
    this.launched.exit = { code, signal: null, at: performance.now() };
    this.channel.close();
    this.#exited(this.launched.exit);
    if (!this.ended) this.#onCrash();
  }

  /** It tells of none. */
  async contract(): Promise<void> {}

  async stop(): Promise<void> {
    await new Promise((next) => setImmediate(next));
    if (this.stopFails) throw new PluginError('STOP_FAILED', 'it is still there');
    if (!this.ended) this.transition('stopped');
  }

  async kill(): Promise<void> {
    this.killed = true;
    if (!this.ended) this.transition('stopped');
  }

  release(): void {}
}

/** A start that the test brings to its end. */
export interface PendingStart {
  readonly signal: AbortSignal;
  /** It comes up; returns what came. */
  comes(): FakeInstance;
  fails(error: unknown): void;
}

/** Makes instances when the test says so. It heeds no signal: a real one may come up just as it is given up. */
export class FakeFactory {
  readonly pending: PendingStart[] = [];
  readonly made: FakeInstance[] = [];
  starts = 0;

  /** They need nothing that a host could keep for them. */
  resourcesFor(): { release(): Promise<void>; abandon(): Promise<void> } {
    return { release: async () => {}, abandon: async () => {} };
  }

  start(
    _: unknown,
    { generation, signal }: { generation: number; signal: AbortSignal },
  ): Promise<FakeInstance> {
    this.starts++;
    return new Promise((resolve, reject) => {
      const done = () => this.pending.splice(this.pending.indexOf(start), 1);
      const start: PendingStart = {
        signal,
        comes: () => {
          done();
          const instance = new FakeInstance(`kv-${generation}-${this.made.length + 1}`, generation);
          this.made.push(instance);
          resolve(instance);
          return instance;
        },
        fails: (error) => {
          done();
          reject(error);
        },
      };
      this.pending.push(start);
    });
  }
}

/** A supervisor over fake instances, with all that it says. */
export function supervised(options: Partial<LoadOptions> = {}) {
  const factory = new FakeFactory();
  const events: HostEventDraft[] = [];
  const conditions: string[] = [];
  const counters = new RestartCounters();
  const logger = new RecordingLogger();
  const usage = { memoryBytes: 1, descriptors: 1, cpuMs: 1 };
  const spec = resolveSpec({
    name: 'kv',
    version: '1.0.0',
    command: 'kv',
    handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1] },
    health: false,
    ...options,
    restart: { backoff: { initialMs: 0, maxMs: 0 }, ...options.restart },
  });
  const supervisor = new Supervisor(spec, 1, {
    factory: factory as unknown as InstanceFactory,
    platform: { usage: async () => usage } as unknown as Platform,
    stalls: { multiplier: 1, lateSince: () => 0 } as unknown as ConstructorParameters<
      typeof Supervisor
    >[2]['stalls'],
    emit: (event) => events.push(event),
    logger,
    counters,
    resources: new PluginResources('kv', logger),
    kept: async () => undefined,
    onOutgrown: () => {},
  });
  const onCondition = (condition: Condition) => {
    conditions.push(condition.state === 'serving' ? 'serving' : `${condition.state} ${condition.error.code}`);
  };
  return {
    supervisor,
    factory,
    counters,
    conditions,
    logger,
    usage,
    /** What its restart events say: phase, attempt, reason. */
    said: () =>
      events.flatMap((event) =>
        event.type === 'restart' ? [`${event.phase} ${event.attempt} ${event.cause.reason}`] : [],
      ),
    /** All that is asked for comes up, and serves. */
    async serve(): Promise<FakeInstance[]> {
      const started = supervisor.start({
        signal: new AbortController().signal,
        runStep: (_, work) => work(),
      });
      const instances = [...factory.pending].map((start) => start.comes());
      await started;
      supervisor.supervise(onCondition, { reason: 'swapped' });
      return instances;
    },
    supervise: () => supervisor.supervise(onCondition, { reason: 'swapped' }),
  };
}
