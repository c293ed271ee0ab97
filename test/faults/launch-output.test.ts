import { execFileSync } from 'node:child_process';
import { eventually } from '../support/processes';
import { LaunchRoom } from './launch-support';

const full = process.env['PLUGD_FULL'] === '1';

let room: LaunchRoom;
beforeEach(async () => {
  room = await LaunchRoom.open();
});
afterEach(() => room.close());

test('lines of stderr become records with their level, those of stdout debug records', async () => {
  const instance = await room.start(
    'stderr:[WARN] careful;stderr:{"@level":"info","@message":"hello","@module":"kv","size":3};flood-stdout:lines:0',
  );
  await eventually(() => room.messages('stdout').includes('flood done'), 10_000, 'stdout is read');
  await instance.stop({ timeoutMs: 2_000 });
  expect(room.output.filter(({ stream }) => stream === 'stderr').map(({ record }) => record)).toEqual([
    { level: 'warn', message: '[WARN] careful', fields: {} },
    { level: 'info', message: 'hello', module: 'kv', fields: { size: 3 } },
  ]);
  const stdout = room.output.find(({ record }) => record.message === 'flood done');
  expect(stdout?.record).toEqual({ level: 'debug', message: 'flood done', fields: { stream: 'stdout' } });
});

test('log lines with wrong types are taken as they stand', async () => {
  const instance = await room.start('json-wrong-types');
  await eventually(() => room.messages('stderr').length === 7, 10_000, 'all lines are read');
  expect(room.output.every(({ record }) => record.level === 'debug')).toBe(true);
  expect(room.messages('stderr')[0]).toBe('{"@level":3,"@message":"level is a number"}');
  await instance.stop({ timeoutMs: 2_000 });
});

// Of all kinds with --full; every day a host is flooded with each (host-faults-floods.test.ts).
const floods = [
  ['stderr', 'no-line'],
  ['stdout', 'binary'],
  ['stderr', 'lines'],
  ['stderr', 'empty-lines'],
  ['stderr', 'binary'],
  ['stderr', 'json'],
  ['stderr', 'nested'],
  ['stdout', 'lines'],
] as const;

test.each(full ? floods : floods.slice(0, 2))(
  'a flood of 100 MiB on %s (%s) is thinned out and counted, and its last lines are kept',
  async (stream, kind) => {
    const instance = await room.start(`flood-${stream}:${kind}:100`);
    const before = process.memoryUsage().rss;
    const cpu = process.cpuUsage();
    await eventually(
      () => room.output.some(({ record }) => record.message.startsWith('dropped ')),
      20_000,
      'the first report of dropped lines',
    );
    if (stream === 'stderr')
      await eventually(() => instance.stderrTail().includes('flood done'), 30_000, 'the flood ends');
    else await new Promise((resolve) => setTimeout(resolve, 2_000));
    await instance.stop({ timeoutMs: 2_000 });
    await instance.outputEnded;
    const { user, system } = process.cpuUsage(cpu);
    expect((user + system) / 1e6).toBeLessThan(2.5);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
    const dropped = room.output.filter(({ record }) => record.message.startsWith('dropped '));
    expect(dropped[0]?.record).toMatchObject({
      level: 'warn',
      fields: { stream, lines: expect.any(Number), bytes: expect.any(Number) },
    });
    // What became a record and what was dropped is all that was printed: 100 MiB and the last words.
    const bytes = dropped.reduce((sum, { record }) => sum + Number(record.fields['bytes']), 0);
    expect(bytes).toBeLessThan(101 * 1024 * 1024);
    expect(bytes).toBeGreaterThan(70 * 1024 * 1024);
    expect(room.output.length).toBeLessThan(60_000);
  },
  60_000,
);

test('a neighbour answers while one floods', async () => {
  const flooding = await room.start('flood-stdout:lines;flood-stderr:json');
  const begun = performance.now();
  const neighbour = await room.start('');
  expect(performance.now() - begun).toBeLessThan(3_000);
  await neighbour.stop({ timeoutMs: 2_000 });
  await flooding.kill();
}, 20_000);

test('a listener that throws stops nothing', async () => {
  let calls = 0;
  const instance = await room.launcher.start(room.spec('stderr:one;stderr:two'), {
    onOutput: () => {
      calls += 1;
      throw new Error('a broken listener');
    },
  });
  await eventually(() => calls === 2, 10_000, 'both lines are handed over');
  expect(instance.stderrTail()).toEqual(['one', 'two']);
  await instance.stop({ timeoutMs: 2_000 });
});

test('standard input is nothing, or the one of the host', async () => {
  const script = `${room.temp}/stdin.sh`;
  require('node:fs').writeFileSync(
    script,
    '#!/bin/sh\necho "1|1|unix|$PLUGIN_UNIX_SOCKET_DIR/plugin1|grpc|"\nreadlink /proc/self/fd/0 >&2\nexec sleep 60\n',
  );
  execFileSync('chmod', ['+x', script]);
  const ignored = await room.start('', { command: script });
  await eventually(() => ignored.stderrTail().length > 0, 10_000, 'it says what its stdin is');
  expect(ignored.stderrTail()).toEqual(['/dev/null']);
  const inherited = await room.start('', { command: script, stdin: 'inherit' });
  await eventually(() => inherited.stderrTail().length > 0, 10_000, 'it says what its stdin is');
  expect(inherited.stderrTail()).toEqual([require('node:fs').readlinkSync('/proc/self/fd/0')]);
  await Promise.all([ignored.kill(), inherited.kill()]);
});
