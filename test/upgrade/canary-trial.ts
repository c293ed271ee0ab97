import type { LoadOptions, OperationHandle, Plugin, UpgradeOptions } from '@plugd/host';
import { CanaryBook, withinWeight } from '../support/canary-book';
import { type CallerPlan, CanaryCallers } from '../support/canary-callers';
import type { CanaryProgram } from '../support/canary-program';
import { turnPages } from '../support/canary-progress';
import type { HostRoom } from '../support/host-room';
import type { CanaryOrder } from './canary-plugin';

/** What is put up with. */
interface Bounds {
  /** So many calls may have been lost with their process. */
  readonly lost?: number;
  /** Whether it has to be the processes that served before. Default true. */
  readonly samePids?: boolean;
  /** Whether the calls were shared as was told. Default true; a version that is lost has less. */
  readonly shares?: boolean;
}

/** What of an upgrade is a trial's matter. */
type TrialOptions = Omit<UpgradeOptions, 'version' | 'command' | 'env'>;

/** Every day callers leave the machine time for what is tried; a plan can say otherwise. */
const restMs = process.env['PLUGD_FULL'] === '1' ? 1 : 5;

/** A plugin that serves its callers, while another version of it is tried. */
export class Trial {
  readonly book = new CanaryBook();
  readonly oldPids: readonly number[];
  readonly callers: CanaryCallers;

  private constructor(
    readonly room: HostRoom,
    readonly program: CanaryProgram,
    readonly plugin: Plugin,
    plan: CallerPlan,
  ) {
    this.oldPids = this.pids();
    this.callers = new CanaryCallers(plugin, this.book, plan);
  }

  static async begin(
    room: HostRoom,
    program: CanaryProgram,
    old: CanaryOrder = {},
    plan: CallerPlan = {},
    over: Partial<LoadOptions> = {},
  ): Promise<Trial> {
    const trial = new Trial(room, program, await program.load(room, old, over), { restMs, ...plan });
    await trial.callers.more(50);
    return trial;
  }

  /** Tries version 2.0.0. */
  upgrade(order: CanaryOrder, options: TrialOptions): OperationHandle {
    const what = this.program.options(this.room, { version: '2.0.0', ...order });
    const handle = this.plugin.upgrade({ ...what, ...options });
    void turnPages(handle, this.book);
    return handle;
  }

  pids(): readonly number[] {
    return sorted(this.plugin.status().instances.map(({ pid }) => pid));
  }

  /** The one process of the new version that has answered a call. */
  newPid(): number {
    const pid = this.book.of('2.0.0').at(-1)?.pid;
    if (pid === undefined) throw new Error('the new version has answered no call');
    return pid;
  }

  /**
   * Ends the callers, and checks that the old version serves alone and has done so since the operation ended, and that no call
   * was harmed beyond the bounds.
   */
  async expectOld(bounds: Bounds = {}): Promise<void> {
    await this.#expectAlone('1.0.0');
    if (bounds.samePids ?? true) expect(this.pids()).toEqual(this.oldPids);
    else expect(this.pids()).toHaveLength(this.oldPids.length);
    this.#expectNoHarm(bounds);
  }

  /** Ends the callers, and checks the same of the new version. */
  async expectNew(bounds: Bounds = {}): Promise<void> {
    await this.#expectAlone('2.0.0');
    this.#expectNoHarm(bounds);
  }

  async #expectAlone(version: string): Promise<void> {
    const since = performance.now();
    const processes = sorted(this.room.processes());
    await this.callers.more(100);
    await this.callers.end();
    expect(this.plugin.status()).toMatchObject({ version, state: 'serving' });
    expect(processes).toEqual(this.pids());
    const after = this.book.calls.filter(({ beganAt }) => beganAt > since);
    expect([...new Set(after.map((call) => call.version))]).toEqual([version]);
  }

  #expectNoHarm({ lost = 0, shares = true }: Bounds): void {
    expect(this.book.wrong(['wrong'])).toEqual({});
    expect(this.book.calls.filter(({ failed }) => failed === 'lost').length).toBeLessThanOrEqual(lost);
    if (!shares) return;
    const pages = this.book.shares('2.0.0').filter(({ percent }) => !Number.isNaN(percent));
    expect(pages.filter((share) => !withinWeight(share))).toEqual([]);
  }
}

const sorted = (pids: readonly number[]): number[] => [...pids].sort((a, b) => a - b);
