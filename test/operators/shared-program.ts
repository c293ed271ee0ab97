import { status } from '@grpc/grpc-js';
import {
  type HostEvent,
  type LoadOptions,
  type OperationHandle,
  PluginError,
  type PluginHost,
  type PluginStatus,
  RpcError,
} from '@plugd/host';
import { KvClient, KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';

/** What the program runs. */
export interface ProgramFiles {
  readonly options: LoadOptions;
  readonly nextCommand: string;
}

const limit = { timeoutMs: 20_000 };

/**
 * An application as many are: it loads a plugin, calls it, upgrades it, goes wrong, and ends. What it has seen is told without
 * what no two runs have in common: times, pids and figures.
 */
export async function sharedProgram(host: PluginHost, { options, nextCommand }: ProgramFiles) {
  const events: HostEvent[] = [];
  host.on('event', (event) => events.push(event));
  const seen: Record<string, unknown> = {};
  const { name } = options;

  const plugin = await host.load(options);
  const loaded = host.plugins().map((one) => one.name);
  seen['loaded'] = [host.plugin(name) === plugin, loaded, shapeOf(plugin.status())];
  seen['taken'] = await outcome(host.load(options));
  seen['refused'] = await outcome(host.load({ ...options, name: 'other', version: 'one' }));
  seen['not found'] = await outcome(host.load({ ...options, name: 'other', command: './no-such-file' }));
  seen['depends'] = await outcome(host.loadAll([{ ...options, name: 'other', dependsOn: ['nobody'] }]));
  seen['pin'] = await outcome(host.pin(name, 'one'));

  const stub = plugin.stub(KvClient);
  const kv = plugin.client(KvDefinition);
  const serving = () => plugin.status().instances[0]?.pid;
  await new Promise<void>((resolve, reject) => {
    stub.put({ key: 'k', value: Buffer.from('v') }, (error) => (error === null ? resolve() : reject(error)));
  });
  const got = await kv.get({ key: 'k' }, limit);
  seen['get'] = [Buffer.from(got.value).toString(), got.pid === serving()];
  seen['watch'] = await all(kv.watch({ key: 'k', count: 5 }, limit), ({ sequence }) => sequence);
  const pairs = [1, 2, 3].map((sequence) => ({ key: `k${sequence}`, value: Buffer.from('v') }));
  seen['load'] = (await kv.load(pairs, limit)).stored;
  const lines = [1, 2, 3].map((sequence) => ({ sequence, text: `t${sequence}` }));
  seen['chat'] = await all(kv.chat(lines, limit), ({ text }) => text);
  const probe = plugin.client(ProbeDefinition);
  seen['fail'] = await outcome(probe.fail({ code: status.OUT_OF_RANGE, message: 'too far' }, limit));
  seen['late'] = await outcome(probe.sleep({ durationMs: 20_000 }, { timeoutMs: 50 }));

  const upgrade = plugin.upgrade({ command: nextCommand, version: '2.0.0' });
  const progress = await all(upgrade, ({ step, phase, percent }) => `${step} ${phase} ${percent}`);
  const { from, to, ...report } = await upgrade;
  seen['upgrade'] = [progress, from.version, to.version, withoutFigures(report)];
  seen['upgraded'] = [shapeOf(plugin.status()), (await kv.get({ key: 'k' }, limit)).pid === serving()];
  seen['no command'] = await outcome(plugin.upgrade({ command: '/nowhere' }));
  const back = { command: options.command, version: '1.0.0', bakeMs: 60_000 };
  seen['aborted'] = await outcome(abortedInBake(plugin.upgrade(back)));
  seen['plan'] = await plugin.rollbackPlan();
  seen['rolled back'] = (await plugin.rollback()).to.version;
  seen['after'] = shapeOf(plugin.status());

  await plugin.stop();
  seen['stopped'] = [plugin.status().state, host.plugin(name), host.plugins()];
  seen['call of stopped'] = await outcome(kv.get({ key: 'k' }, limit));
  seen['upgrade of stopped'] = await outcome(plugin.upgrade({ version: '2.0.0' }));
  stub.close();
  seen['numbers'] = events.every(({ sequence }, index) => sequence === index + 1);
  await host.close();
  seen['closed'] = Object(await outcome(host.load(options))).code;
  return { seen, events: events.map(shapeOfEvent) };
}

async function all<T, Told>(answers: AsyncIterable<T>, tell: (answer: T) => Told): Promise<Told[]> {
  const told: Told[] = [];
  for await (const answer of answers) told.push(tell(answer));
  return told;
}

async function abortedInBake(handle: OperationHandle) {
  for await (const { step, phase } of handle)
    if (step === 'bake' && phase === 'started') handle.abort('enough');
  return handle;
}

function shapeOf({ instances, ...rest }: PluginStatus) {
  return {
    ...rest,
    instances: instances.map(({ pid, address, startedAt, inFlight, id, ...one }) => ({
      ...one,
      known: [pid, address, startedAt, inFlight, id].map((value) => typeof value),
    })),
  };
}

async function outcome(work: PromiseLike<unknown>): Promise<unknown> {
  return work.then(
    (value) => value,
    (error: unknown) => {
      if (error instanceof PluginError) {
        const { code, fault, facts, summary } = error;
        return { code, fault, summary, facts: Object.keys(facts).sort(), step: facts['step'] };
      }
      if (!(error instanceof RpcError)) return error;
      const { codeName, pluginCode, executed, path } = error;
      return { codeName, pluginCode, executed, path };
    },
  );
}

function shapeOfEvent(event: HostEvent) {
  const { plugin, type, cause } = event;
  const known = Object.entries(event).flatMap(([key, value]) => (value === undefined ? [] : [key]));
  const shape = { plugin, type, reason: cause.reason, code: cause.code, fields: known.sort() };
  if (event.type === 'operation')
    return { ...shape, step: event.step, phase: event.phase, percent: event.percent };
  if (event.type === 'plugin' || event.type === 'instance')
    return { ...shape, from: event.from, to: event.to };
  return shape;
}

/** Numbers by their type. */
function withoutFigures(value: unknown): unknown {
  if (typeof value === 'number') return 'a number';
  if (Array.isArray(value)) return value.map(withoutFigures);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutFigures(one)]));
}
