import { AdminPlace } from '../admin/admin-place';
import { commandLine } from './command-line';

// What is said of one plugin, whatever a daemon tells of it.

let place: AdminPlace;
beforeEach(() => {
  place = new AdminPlace();
});
afterEach(() => place.close());

const plugd = async (...args: string[]) => {
  const { code, stdout, stderr } = await commandLine([...args, '--socket', place.socket]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
};

const row = {
  name: 'kv',
  state: 'serving',
  runningVersion: '1.0.0',
  generation: 3,
  instances: 1,
  source: 'directory',
};
const since = () => Date.now() - 3 * 3_600_000;

test('of a plugin that does not run there is a head, and nothing else', async () => {
  const stopped = { name: 'kv', state: 'absent', problem: 'there is none on disk' };
  await place.serve({ describePlugin: () => ({ row: stopped }) });
  const status = await plugd('status', 'kv');
  expect(status).toBe(`Name:         kv
State:        absent
Version:      -
On disk:      -
Pinned at:    -
Generation:   -
Serving for:  -
In flight:    0
Restarts:     0
From:         -
Under way:    -
Problem:      there is none on disk
Note:         -
`);
  expect(await plugd('describe', 'kv')).toBe(status);
  expect(JSON.parse(await plugd('describe', 'kv', '--json'))).toMatchObject({
    state: 'absent',
    runningVersion: null,
    snapshot: null,
    versions: [],
    services: [],
    operations: [],
    options: null,
  });
});

test('what was counted is told by the names that the library has for it, without what is 0', async () => {
  const statistics = {
    calls: { started: 12, ended: 11, cut: 0 },
    held: { held: 0, heldMost: 4 },
    restarts: {
      lost: { crash: 2, limit: 0, unhealthy: 1 },
      restarts: 3,
      recoverMs: { last: 12.34, longest: 50 },
    },
  };
  await place.serve({
    describePlugin: () => ({ row: { ...row, since: since() }, snapshot: { statistics } }),
  });
  const lines = (await plugd('describe', 'kv')).split('\n').map((line) => line.replace(/ {2,}/, ' '));
  expect(lines).toEqual(
    expect.arrayContaining([
      'Serving for: 3h',
      'calls, started: 12',
      'held, held most: 4',
      'restarts, lost: 2 crash, 1 unhealthy',
      'restarts, recover (ms): 12.3 last, 50 longest',
    ]),
  );
  expect(lines.join('\n')).not.toMatch(/cut|held, held:/);
});

test('methods that clients reach stand first, and those for the host are only counted', async () => {
  const method = { name: 'Get', kind: 'unary', idempotency: 'IDEMPOTENT' };
  await place.serve({
    describePlugin: () => ({
      row,
      services: [
        { name: 'grpc.health.v1.Health', methods: [method] },
        { name: 'plugin.GRPCBroker', methods: [method] },
        { name: 'a.v1.Inside', methods: [method] },
        { name: 'z.v1.Open', public: true, methods: [method, { ...method, name: 'Put', idempotency: '' }] },
      ],
    }),
  });
  const text = await plugd('describe', 'kv');
  expect(text.split('\n\n')[1]).toBe(`METHOD           KIND   REACHED            REPEATABLE
z.v1.Open/Get    unary  by the front door  yes
z.v1.Open/Put    unary  by the front door  -
a.v1.Inside/Get  unary  inside only        yes
and 2 services for the host: health, reflection and the like
`);
});

test('what a daemon of another release tells spoils nothing, and drives no terminal', async () => {
  await place.serve({
    describePlugin: () => ({
      row: { ...row, problem: 'a\u001b[2Jb' },
      snapshot: {
        instances: [7, null, { id: 'kv\u009b31m', inFlight: {}, startedAt: 'soon' }],
        statistics: ['x'],
      },
      versions: [{ version: '1.0.0\n', state: 'odd', problem: '\u202e' }],
      operations: [{ id: 'o', operation: 'upgrade', outcome: 'odd', startedAt: since() }],
      options: { args: ['\u001b]0;title\u0007', '\u009b'] },
    }),
  });
  for (const verb of ['status', 'describe'])
    expect(await plugd(verb, 'kv')).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
});
