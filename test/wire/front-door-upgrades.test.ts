import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Plugin } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { FrontDoorRoom } from '../support/front-door-room';
import { HostRoom } from '../support/host-room';
import { describeWithGo } from '../support/needs-go';
import { kvPython } from '../support/needs-python';
import { goCaller, kvGo, kvTs, type SampleVersion } from '../support/samples';

const full = process.env['PLUGD_FULL'] === '1';
const upgrades = full ? 20 : 3;
const python = join(dirname(kvPython()), '../.venv/bin/python');
const callers: [name: string, start: () => Caller][] = [
  ['a Go client', () => new Caller(goCaller(), [])],
  ['a Python client', () => new Caller(python, [resolve(__dirname, '../support/front-door-caller.py')])],
];

/** A program that calls until it is told to stop. */
class Caller {
  #process: ReturnType<Caller['spawn']> | undefined;

  constructor(
    readonly program: string,
    readonly args: readonly string[],
  ) {}

  spawn(targets: readonly string[]) {
    return spawn(this.program, [...this.args, ...targets], { stdio: ['pipe', 'pipe', 'inherit'] });
  }

  start(targets: readonly string[]): void {
    this.#process = this.spawn(targets);
  }

  async stop(): Promise<{ calls: number; failures: string[] }> {
    const child = this.#process;
    if (child === undefined) throw new Error('it was not started');
    const said = text(child.stdout);
    const ended = once(child, 'exit');
    child.stdin.end();
    await ended;
    return JSON.parse(await said);
  }

  kill(): void {
    this.#process?.kill('SIGKILL');
  }
}

describeWithGo('while plugins are upgraded behind the front door', () => {
  let room: HostRoom;
  let doors: FrontDoorRoom;
  const running: Caller[] = [];
  beforeAll(async () => {
    room = await HostRoom.open();
    doors = new FrontDoorRoom();
  });
  afterAll(async () => {
    for (const caller of running) caller.kill();
    await doors.close(5_000);
    await room.close();
  });

  test(`no call of a Go and a Python client fails, over ${upgrades} upgrades of a TS and of a Go plugin`, async () => {
    const samples = { ts: kvTs, go: kvGo };
    const plugins: [Plugin, (version: SampleVersion) => string][] = [];
    const targets: string[] = [];
    for (const [name, sample] of Object.entries(samples)) {
      const plugin = await room.load(sample('1'), { name });
      const door = await doors.open(`${name}.sock`);
      door.offer(plugin, [KvDefinition.fullName]);
      plugins.push([plugin, sample]);
      targets.push(door.target);
    }
    for (const [name, start] of callers) {
      if (name === 'a Python client' && !existsSync(python)) continue;
      const caller = start();
      running.push(caller);
      caller.start(targets);
    }
    await new Promise((next) => setTimeout(next, 300));
    for (let i = 1; i <= upgrades; i++) {
      await Promise.all(
        plugins.map(([plugin, sample]) => {
          const version = i % 2 === 0 ? '1' : '2';
          return plugin.upgrade({ command: sample(version), version: `${version}.0.0` });
        }),
      );
    }
    for (const caller of running) {
      const { calls, failures } = await caller.stop();
      expect(failures).toEqual([]);
      expect(calls).toBeGreaterThan(50);
    }
    expect(plugins.map(([plugin]) => plugin.status().generation)).toEqual([upgrades + 1, upgrades + 1]);
  }, 300_000);
});
