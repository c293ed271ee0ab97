import { RpcError } from '@plugd/host';
import { makerOf } from './canary-failure';

/** One call to a canary. */
export interface CanaryCall {
  /** Whether its contract allows that it is made twice. */
  readonly repeatable: boolean;
  /** The value by which its caller stays on one side, if it does. */
  readonly key: string | undefined;
  /** What the book's page was when it began. */
  readonly page: number;
  readonly beganAt: number;
  readonly endedAt: number;
  /** Who answered, or made it fail; undefined if nobody did. */
  readonly version: string | undefined;
  readonly pid: number | undefined;
  /**
   * `own`: the plugin failed it, as it was told. `lost`: it may not be made twice, had been sent, and its process was lost.
   * `wrong`: everything else, which must not be.
   */
  readonly failed: 'own' | 'lost' | 'wrong' | undefined;
  /** What it failed with. */
  readonly error: string | undefined;
}

/** The book of every call of a test with two versions beside each other. */
export class CanaryBook {
  readonly calls: CanaryCall[] = [];
  /** What calls that begin now are counted under, as the new one's share in percent. */
  page = 0;

  /** Makes a call and enters it. Returns whether it was answered; never rejects. */
  async enter(
    what: Pick<CanaryCall, 'repeatable' | 'key'>,
    call: () => Promise<{ readonly servedBy: string; readonly pid: number }>,
  ): Promise<boolean> {
    const { page } = this;
    const beganAt = performance.now();
    const close = (outcome: Pick<CanaryCall, 'version' | 'pid' | 'failed' | 'error'>): void => {
      this.calls.push({ ...what, page, beganAt, endedAt: performance.now(), ...outcome });
    };
    try {
      const { servedBy, pid } = await call();
      close({ version: servedBy, pid, failed: undefined, error: undefined });
      return true;
    } catch (error) {
      const maker = error instanceof RpcError ? makerOf(error.details) : undefined;
      const lost = error instanceof RpcError && error.executed === 'maybe' && !what.repeatable;
      close({
        version: maker?.servedBy,
        pid: maker?.pid,
        failed: maker !== undefined ? 'own' : lost ? 'lost' : 'wrong',
        error: describe(error),
      });
      return false;
    }
  }

  /** What calls failed with whom nobody was told to fail, and how often. */
  wrong(kinds: readonly CanaryCall['failed'][] = ['lost', 'wrong']): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { failed, error = '', repeatable } of this.calls) {
      if (failed === undefined || !kinds.includes(failed)) continue;
      const kind = `${repeatable ? 'repeatable' : 'single'}: ${error}`;
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
    return counts;
  }

  of(version: string): readonly CanaryCall[] {
    return this.calls.filter((call) => call.version === version);
  }

  /** Versions that answered one key's calls, in the order of the calls' beginnings, each once in a row. */
  versionsOf(key: string): readonly string[] {
    const versions: string[] = [];
    const own = this.calls.filter((call) => call.key === key).sort((a, b) => a.beganAt - b.beganAt);
    for (const { version } of own) {
      if (version !== undefined && version !== versions.at(-1)) versions.push(version);
    }
    return versions;
  }

  /** How many calls without a key began on each page, and how many of them went to this version. */
  shares(version: string): readonly Share[] {
    const pages = new Map<number, { calls: number; hers: number }>();
    for (const call of this.calls) {
      if (call.key !== undefined || call.version === undefined) continue;
      const page = pages.get(call.page) ?? { calls: 0, hers: 0 };
      page.calls++;
      if (call.version === version) page.hers++;
      pages.set(call.page, page);
    }
    return [...pages]
      .sort(([a], [b]) => a - b)
      .map(([percent, { calls, hers }]) => ({ percent, calls, hers }));
  }
}

/** How the calls of one page were shared. */
export interface Share {
  /** The share that was promised, in percent. */
  readonly percent: number;
  readonly calls: number;
  readonly hers: number;
}

/** Whether a share is one that chance gives by this weight, but for one time in two million. */
export function withinWeight({ percent, calls, hers }: Share): boolean {
  const p = percent / 100;
  return Math.abs(hers - calls * p) <= 5 * Math.sqrt(calls * p * (1 - p)) + 1;
}

/** Without what differs between two calls, so that equal ones are counted together. */
function describe(error: unknown): string {
  const more = error instanceof RpcError ? ` [${error.pluginCode} executed=${error.executed}]` : '';
  return `${String(error)}${more}`.replaceAll(/\/tmp\/\S+/g, '…').replaceAll(/\d{3,}/g, '#');
}
