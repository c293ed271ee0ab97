import { PluginError } from '@plugd/host';
import { type FrontDoorPlugin, ServiceTable } from '../../../host/src/front-door/service-table';
import { SwapChannel } from '../../../host/src/routing/swap-channel';

function plugin(name: string): FrontDoorPlugin {
  return {
    name,
    channel: new SwapChannel({ name }).facade(),
    status: () => ({ state: 'serving', generation: 1 }),
  };
}

function refusal(work: () => void): PluginError {
  try {
    work();
  } catch (error) {
    if (error instanceof PluginError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('the table of public services', () => {
  const names = (table: ServiceTable) =>
    table.services.map(({ name, plugin: { name: owner } }) => `${name} ${owner}`);

  test('leads each service to the plugin that names it, and what nobody names nowhere', () => {
    const table = new ServiceTable();
    table.offer(plugin('a'), ['one.A', 'one.B']);
    table.offer(plugin('b'), ['two.A']);
    expect(table.find('one.B')?.plugin.name).toBe('a');
    expect(table.find('two.A')?.plugin.name).toBe('b');
    expect(table.find('two.B')).toBeUndefined();
  });

  test('takes what a plugin names now in the place of what it named before', () => {
    const table = new ServiceTable();
    table.offer(plugin('a'), ['one.A', 'one.B']);
    table.offer(plugin('a'), ['one.B', 'one.C']);
    expect(names(table)).toEqual(['one.B a', 'one.C a']);
    table.withdraw('a');
    expect(names(table)).toEqual([]);
  });

  test('refuses a service that another plugin names, and all that was asked with it', () => {
    const table = new ServiceTable();
    table.offer(plugin('a'), ['one.A']);
    table.offer(plugin('b'), ['two.A']);
    const error = refusal(() => table.offer(plugin('b'), ['two.B', 'one.A']));
    expect(error.code).toBe('SERVICE_TAKEN');
    expect(error.facts).toEqual({ plugin: 'b', service: 'one.A', owner: 'a' });
    expect(names(table)).toEqual(['one.A a', 'two.A b']);
  });

  test("shares a service where that is wanted: it stays the first one's, and is found of both by their names", () => {
    const table = new ServiceTable();
    table.offer(plugin('a'), ['one.A']);
    const taken = table.offer(plugin('b'), ['one.A', 'two.B'], { ifTaken: 'share' });
    expect(taken.map(({ code, facts }) => [code, facts['owner']])).toEqual([['SERVICE_TAKEN', 'a']]);
    expect(names(table)).toEqual(['one.A a', 'two.B b']);
    expect(table.find('one.A', 'a')?.plugin.name).toBe('a');
    expect(table.find('one.A', 'b')?.plugin.name).toBe('b');
    expect(table.find('two.B', 'a')).toBeUndefined();
    table.withdraw('a');
    expect(table.find('one.A')).toBeUndefined();
    expect(table.find('one.A', 'b')?.plugin.name).toBe('b');
    expect([table.plugin('a'), table.plugin('b')?.name]).toEqual([undefined, 'b']);
    expect(table.servicesFor('b').map(({ name }) => name)).toEqual(['one.A', 'two.B']);
    expect(table.offer(plugin('b'), ['one.A'], { ifTaken: 'share' })).toEqual([]);
    expect(table.find('one.A')?.plugin.name).toBe('b');
  });

  test.each(['grpc.health.v1.Health', 'grpc.reflection.v1alpha.ServerReflection'])(
    'refuses %s, which is its own',
    (service) => {
      const error = refusal(() => new ServiceTable().offer(plugin('a'), [service]));
      expect(error.code).toBe('SERVICE_TAKEN');
    },
  );

  test.each(['plugin.GRPCController', 'plugin.GRPCBroker', 'plugd.lifecycle.v1.Lifecycle'])(
    'keeps %s private, by which a host ends a plugin or speaks to it',
    (service) => {
      const error = refusal(() => new ServiceTable().offer(plugin('a'), [service]));
      expect(error.code).toBe('OPTIONS_INVALID');
    },
  );

  test.each(['', '.A', 'a..B', '/a.B', 'a.B/Get', 'a b', 'a\n', `a.${'B'.repeat(600)}`])(
    'refuses %j, which is no name of a service',
    (service) => {
      const error = refusal(() => new ServiceTable().offer(plugin('a'), [service]));
      expect(error.code).toBe('OPTIONS_INVALID');
      expect(error.message.length).toBeLessThan(1000);
    },
  );
});
