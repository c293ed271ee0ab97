import { tmpdir } from 'node:os';
import { HostStore } from '../../../host/src/host-store';
import type { InstanceFactory, RunStep } from '../../../host/src/instance/instance-factory';
import type { LoadOptions } from '../../../host/src/instance/load-options';
import { ManagedPlugin, type PluginSurroundings } from '../../../host/src/managed-plugin';
import type { Platform } from '../../../host/src/platform/platform';
import { RecordingLogger } from '../../support/recording-logger';
import { FakeFactory, type FakeInstance } from '../supervision/fake-instances';

/** Whatever is asked for comes up at once. */
class ReadyFactory extends FakeFactory {
  resolveCommand(): string {
    return 'kv';
  }

  override async start(
    spec: unknown,
    about: { generation: number; signal: AbortSignal; runStep: RunStep },
  ): Promise<FakeInstance> {
    const started = await about.runStep('start', async () => {
      const coming = super.start(spec, about);
      this.pending.at(-1)?.comes();
      return coming;
    });
    await about.runStep('health', async () => {});
    return started;
  }
}

/** A plugin that serves, with all that is around it but processes. */
export async function fakePlugin(options: Partial<LoadOptions> = {}, platform: Partial<Platform> = {}) {
  const factory = new ReadyFactory();
  const logger = new RecordingLogger();
  const usage = { memoryBytes: 100, descriptors: 1, cpuMs: 1 };
  const store = await HostStore.open({ stateDir: undefined, runDirectory: tmpdir(), snapshots: {}, logger });
  const given: LoadOptions = {
    name: 'kv',
    version: '1.0.0',
    command: 'kv',
    handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1] },
    health: false,
    ...options,
  };
  const plugin = new ManagedPlugin(given, {
    factory: factory as unknown as InstanceFactory,
    platform: {
      usage: async () => usage,
      availableMemory: () => undefined,
      ...platform,
    } as unknown as Platform,
    stalls: { multiplier: 1, lateSince: () => 0 } as unknown as PluginSurroundings['stalls'],
    emit: () => {},
    logger,
    directory: tmpdir(),
    token: 'token',
    store,
    memoryBudget: undefined,
    onRestarted: () => {},
    onOperation: () => {},
  });
  await plugin.start();
  return { plugin, made: factory.made, usage };
}
