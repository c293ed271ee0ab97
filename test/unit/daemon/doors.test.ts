import type { HostEvent, PluginStatus } from '@plugd/host';
import type { LoadedByApplication } from '../../../host/src/daemon/application-plugins';
import { Doors, type ServingPlugin } from '../../../host/src/daemon/doors';
import { ServiceTable } from '../../../host/src/front-door/service-table';
import { SwapChannel } from '../../../host/src/routing/swap-channel';
import { RecordingLogger } from '../../support/recording-logger';

/** Plugins by name, with what their manifests name; those that applications have loaded say it themselves. */
function hall() {
  const table = new ServiceTable();
  const plugins = new Map<string, ServingPlugin>();
  const manifests = new Map<string, readonly string[]>();
  const applications = new Map<string, LoadedByApplication>();
  const logger = new RecordingLogger();
  let refreshed = 0;
  const doors = new Doors({
    host: { plugin: (name) => plugins.get(name) },
    door: {
      target: 'unix:/front',
      offer: (plugin, services, options) => table.offer(plugin, services, options),
      withdraw: (name) => table.withdraw(name),
      refresh: () => refreshed++,
    },
    watched: {
      manifest: (name) => {
        const services = manifests.get(name);
        return services && { services };
      },
    },
    logger,
    applications: { running: (name) => applications.get(name) },
  });
  const run = (name: string, ...services: string[]) => {
    manifests.set(name, services);
    plugins.set(name, plugin(name));
    return doors.sync(name);
  };
  const stop = (name: string) => {
    plugins.delete(name);
    return doors.sync(name);
  };
  const owners = () =>
    Object.fromEntries(table.services.map(({ name, plugin: owner }) => [name, owner.name]));
  return {
    table,
    doors,
    run,
    stop,
    owners,
    logger,
    plugins,
    manifests,
    applications,
    refreshed: () => refreshed,
  };
}

function plugin(name: string): ServingPlugin {
  const status: PluginStatus = {
    name,
    state: 'serving',
    version: '1.0.0',
    generation: 1,
    protocolVersion: 1,
    instances: [],
  };
  return {
    name,
    channel: new SwapChannel({ name }).facade(),
    status: () => status,
    contract: undefined,
    handedOver: () => undefined,
  };
}

const turn = () => new Promise((next) => setImmediate(next));

test('what a manifest names is public as long as its plugin is there, and as the manifest that runs names it', async () => {
  const { doors, run, stop, owners } = hall();
  await run('kv', 'a.Kv', 'a.Probe');
  expect(owners()).toEqual({ 'a.Kv': 'kv', 'a.Probe': 'kv' });
  await run('kv', 'a.Kv');
  expect(owners()).toEqual({ 'a.Kv': 'kv' });
  expect(doors.public('kv')).toEqual(['a.Kv']);
  await stop('kv');
  expect(owners()).toEqual({});
  expect(doors.public('kv')).toEqual([]);
});

test('a service that is taken is told of once, and is the other one’s when its owner stops', async () => {
  const { doors, run, stop, owners, logger } = hall();
  await run('z', 'a.Kv');
  await run('b', 'a.Kv', 'a.Own');
  await doors.sync('b');
  expect(owners()).toEqual({ 'a.Kv': 'z', 'a.Own': 'b' });
  expect(logger.records).toMatchObject([{ level: 'warn', fields: { plugin: 'b' } }]);
  await stop('z');
  await turn();
  expect(owners()).toEqual({ 'a.Kv': 'b', 'a.Own': 'b' });
});

test('after the start the first by name has it, whoever has run first; later nothing is taken away', async () => {
  const { doors, run, owners } = hall();
  await run('z', 'a.Kv');
  await run('b', 'a.Kv');
  doors.settle();
  expect(owners()).toEqual({ 'a.Kv': 'b' });
  await run('a', 'a.Kv');
  expect(owners()).toEqual({ 'a.Kv': 'b' });
});

test('names that can’t be public are told of, and keep what was public as it is', async () => {
  const { doors, run, owners, logger } = hall();
  await run('kv', 'a.Kv');
  await run('kv', 'a.Kv', 'plugin.GRPCStdio');
  expect(owners()).toEqual({ 'a.Kv': 'kv' });
  expect(doors.public('kv')).toEqual(['a.Kv']);
  expect(logger.records).toHaveLength(1);
});

test('of an application’s plugin those services are public that it says', async () => {
  const { doors, plugins, owners, applications } = hall();
  plugins.set('kv', plugin('kv'));
  await doors.sync('kv');
  expect(owners()).toEqual({});
  const options = {
    name: 'kv',
    version: '1.0.0',
    command: 'kv',
    handshake: { cookie: ['a', 'b'], protocolVersions: [1] },
  } as const;
  applications.set('kv', { options, services: ['a.Kv'] });
  await doors.sync('kv');
  expect(owners()).toEqual({ 'a.Kv': 'kv' });
});

test('each event refreshes health, and those that may change services make them public by themselves', async () => {
  const { doors, plugins, manifests, owners, refreshed } = hall();
  plugins.set('kv', plugin('kv'));
  manifests.set('kv', ['a.Kv']);
  const event: HostEvent = {
    ...{ type: 'artifact', plugin: 'kv', version: '1.0.0', sequence: 1, time: 1 },
    ...{ phase: 'found', cause: { reason: 'directory' } },
  };
  doors.observe(event);
  await turn();
  expect(owners()).toEqual({});
  doors.observe({ ...event, phase: 'running' });
  await turn();
  expect(owners()).toEqual({ 'a.Kv': 'kv' });
  expect(refreshed()).toBe(2);
});
