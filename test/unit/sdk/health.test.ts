import { HealthCheckResponse_ServingStatus as Status } from '@plugd/protocol/gen/grpc/health/v1/health';
import { HealthRegistry } from '../../../sdk/src/services/health';

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

async function collect(registry: HealthRegistry, service: string, signal: AbortSignal, seen: Status[]) {
  for await (const { status } of registry.watch(service, signal)) seen.push(status);
}

test('a watcher is told the status at once, and of each change once', async () => {
  const registry = new HealthRegistry();
  const leave = new AbortController();
  const seen: Status[] = [];
  const done = collect(registry, 'svc', leave.signal, seen);
  await tick();
  registry.set('svc', 'SERVING');
  await tick();
  registry.set('svc', 'SERVING');
  registry.set('other', 'NOT_SERVING');
  await tick();
  registry.set('svc', 'NOT_SERVING');
  await tick();
  registry.set('svc', 'UNKNOWN');
  await tick();
  leave.abort();
  await done;
  expect(seen).toEqual([Status.SERVICE_UNKNOWN, Status.SERVING, Status.NOT_SERVING, Status.UNKNOWN]);
});

test('a plugin that leaves serves nothing, whatever it says afterwards', async () => {
  const registry = new HealthRegistry();
  registry.set('', 'SERVING');
  const seen: Status[] = [];
  const done = collect(registry, '', new AbortController().signal, seen);
  await tick();
  registry.close();
  registry.set('', 'SERVING');
  await done;
  expect(seen).toEqual([Status.SERVING, Status.NOT_SERVING]);
  expect(registry.get('')).toBe('NOT_SERVING');
});

test('another status is refused', () => {
  const registry = new HealthRegistry();
  for (const wrong of ['serving', '', 'toString', 1]) {
    expect(() => Reflect.apply(registry.set, registry, ['', wrong])).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID' }),
    );
  }
});

test('what setup said of the plugin stays', () => {
  const registry = new HealthRegistry();
  registry.set('plugin', 'NOT_SERVING');
  for (const name of ['', 'plugin']) registry.setDefault(name, 'SERVING');
  expect(registry.entries()).toEqual([
    ['plugin', 'NOT_SERVING'],
    ['', 'SERVING'],
  ]);
});
