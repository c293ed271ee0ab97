import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SharedDirectories } from '../../../host/src/resources/config-copies';

/** Directories as a launcher makes them, and what was done with them. */
export class Directories implements SharedDirectories {
  readonly root = mkdtempSync(join(tmpdir(), 'shared-'));
  readonly removed: string[] = [];
  readonly guarded = new Set<string>();

  makeSharedDirectory(): string {
    return mkdtempSync(join(this.root, 's-'));
  }

  guardSharedDirectory(path: string): { release(): void } {
    this.guarded.add(path);
    return { release: () => void this.guarded.delete(path) };
  }

  async removeSharedDirectory(path: string): Promise<void> {
    this.removed.push(path);
    await rm(path, { recursive: true, force: true });
  }

  dispose(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
