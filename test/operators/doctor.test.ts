import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from '../../host/src/doctor/finding';
import { DaemonRoom } from '../support/daemon';
import { poll } from '../support/poll';

// The doctor beside a daemon that runs, one file with one daemon.

let room: DaemonRoom;

beforeAll(async () => {
  room = new DaemonRoom();
  room.shelf.put('kv', '1.0.0');
  room.shelf.put('bad', '1.0.0', { kind: 'bad' });
  await room.start();
  await room.runs('kv', '1.0.0');
});
afterAll(() => room.close());

async function doctor(...args: string[]): Promise<{ code: number; findings: Finding[] }> {
  const { code, stdout } = await room.plugd('doctor', ...args, '-o', 'json');
  const { findings } = JSON.parse(stdout) as { findings: Finding[] };
  return { code, findings };
}

const wrong = (findings: readonly Finding[]) =>
  findings
    // How much room and memory there is, is up to the machine of the test.
    .filter(({ subject, verdict }) => verdict !== 'ok' && subject !== 'machine')
    .map(({ subject, check, verdict }) => `${subject}: ${check}: ${verdict}`);

test('a plugin that the daemon runs is well, and is not started a second time', async () => {
  const { code, findings } = await doctor('kv');
  expect(wrong(findings)).toEqual([]);
  expect(code).toBe(0);
  expect(findings.map(({ check }) => check)).not.toContain('start');
  expect(findings.at(-1)).toMatchObject({
    subject: 'daemon',
    seen: 'The daemon runs kv 1.0.0: it is serving.',
  });
});

test('one that it could not start is tried again, and shows how it ends', async () => {
  const { code, findings } = await doctor('bad');
  expect(code).toBe(1);
  expect(findings.filter(({ verdict }) => verdict === 'fail')).toEqual([
    expect.objectContaining({
      subject: 'bad 1.0.0',
      check: 'exit',
      code: 'EXITED_BEFORE_HANDSHAKE',
      details: expect.arrayContaining([expect.stringMatching(/^exit code: \d+$/)]),
    }),
    expect.objectContaining({
      subject: 'daemon',
      check: 'plugin',
      fix: expect.stringContaining('plugd logs bad'),
    }),
  ]);
});

test('what is started has the environment of the daemon, and not that of the command', async () => {
  // Not where the daemon would try it too.
  const place = join(room.directory, 'curious');
  mkdirSync(place, { recursive: true });
  writeFileSync(`${place}/curious`, '#!/bin/sh\necho "mark $ROOM_MARK" >&2\nexit 5\n');
  const text =
    'name: curious\nversion: 1.0.0\ncommand: curious\nhandshake: { cookie: [A, b], protocolVersions: [1] }\n';
  writeFileSync(`${place}/plugin.yaml`, text);
  const { findings } = await doctor(place);
  expect(findings.find(({ check }) => check === 'exit')?.details).toEqual([
    'exit code: 5',
    `stderr: mark ${room.mark}`,
  ]);
});

test('all together: sockets in use are the daemon’s, its plugins’ faults and a spoilt config are told', async () => {
  const before = await doctor();
  expect(wrong(before.findings)).toEqual(['daemon: plugin: fail']);
  expect(before.findings.find(({ check }) => check === 'admin socket')).toMatchObject({
    verdict: 'ok',
    seen: `${room.socket} is in use by the daemon.`,
  });
  appendFileSync(room.configFile, 'pluginDir: x\n');
  const after = await poll(
    () => doctor(),
    ({ findings }) => wrong(findings).includes('daemon: config: fail'),
  );
  expect(after.code).toBe(1);
  // The daemon goes on by what it had, and so does the look at its plugins.
  expect(wrong(after.findings)).toEqual([
    'config: config: fail',
    'daemon: config: fail',
    'daemon: plugin: fail',
  ]);
  room.configure('logs: { maxFiles: 7 }\n');
  const later = await poll(
    () => doctor(),
    ({ findings }) =>
      findings.some(({ check, seen }) => check === 'config' && seen.includes('logs.maxFiles')),
  );
  // It waits for the next start, and is no mistake.
  expect(wrong(later.findings)).toEqual(['daemon: config: warn', 'daemon: plugin: fail']);
  room.configure('');
});

test('a daemon is found by what is typed, wherever its config went', async () => {
  const elsewhere = `${room.configFile}.elsewhere`;
  renameSync(room.configFile, elsewhere);
  try {
    const { code, stdout } = await room.plugd('doctor', 'kv', '--socket', room.socket, '--config', elsewhere);
    expect(code).toBe(0);
    expect(stdout).toContain('All is well.');
  } finally {
    renameSync(elsewhere, room.configFile);
  }
});
