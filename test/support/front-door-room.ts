import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFrontDoor, type FrontDoor, type FrontDoorOptions } from '../../host/src/front-door/front-door';

/** Front doors on sockets in a directory of their own. */
export class FrontDoorRoom {
  readonly directory = mkdtempSync(join(tmpdir(), 'door-'));
  readonly #doors: FrontDoor[] = [];

  path(name: string): string {
    return join(this.directory, name);
  }

  async open(name = 'door.sock', over: Omit<FrontDoorOptions, 'socket' | 'port'> = {}): Promise<FrontDoor> {
    const door = await createFrontDoor({ ...over, socket: this.path(name) });
    this.#doors.push(door);
    return door;
  }

  /** Closes all, and checks that no file is left. */
  async close(timeoutMs = 0): Promise<void> {
    await Promise.all(this.#doors.map((door) => door.close({ timeoutMs })));
    const left = readdirSync(this.directory);
    rmSync(this.directory, { recursive: true, force: true });
    expect(left).toEqual([]);
  }
}
