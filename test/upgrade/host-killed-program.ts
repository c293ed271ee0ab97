// An application with a host that keeps state, and kills itself: bundled and run by the tests beside it, through KilledHosts.
// argv: JSON, see KilledOrder. Its plugin inherits ROOM_MARK.
import { join } from 'node:path';
import { createHost } from '../../host/src/create-host';
import type { LoadOptions } from '../../host/src/instance/load-options';
import type { UpgradeOptions } from '../../host/src/upgrade/upgrade-options';
import { counterOptions, put } from '../support/counter-room';
import { twoMoreStates } from '../support/kept-states';

export interface KilledAt {
  /** Default: any that is begun after the numbers were added. */
  readonly operation?: 'upgrade' | 'rollback' | 'restart';
  readonly step: string;
  readonly phase: string;
}

/** What such a host does. */
export interface KilledOrder {
  readonly runDir: string;
  readonly stateDir: string;
  readonly load: Omit<LoadOptions, 'name' | 'contract' | 'handshake'>;
  /** Added to the key a; then the plugin is restarted, by which its state is kept. */
  readonly kept?: number;
  /** Added after that. */
  readonly put?: number;
  /** Then it does nothing until it has kept two states more. */
  readonly keepsTwo?: boolean;
  readonly upgrade?: Partial<Omit<UpgradeOptions, 'verify'>>;
  /** What is done after the upgrade. */
  readonly then?: 'rollback' | 'restart';
  /** The application's own check of the new version fails. */
  readonly refuses?: boolean;
  /** Instead of `at`: so long after the upgrade was begun. */
  readonly afterMs?: number;
  /** As soon as it is begun the process that serves is killed. */
  readonly loseAt?: string;
  /**
   * The host is killed at the operation's event, in the same turn; without it: when all is done. The step `instance` stands
   * for a process that comes into a state, the step `recover` for what is done at the load.
   */
  readonly at?: KilledAt;
}

function killMyself(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('it lives');
}

async function main({ runDir, stateDir, load, at, loseAt, ...order }: KilledOrder): Promise<void> {
  const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };
  const host = await createHost({ runDir, stateDir, logger: silent });
  let armed = at?.step === 'recover' || at?.step === 'instance';
  host.on('event', (event) => {
    if (!armed) return;
    if (event.type === 'instance' && at?.step === 'instance' && event.to === at.phase) killMyself();
    if (event.type !== 'operation') return;
    const meant = at?.operation === undefined || at.operation === event.operation;
    if (meant && event.step === at?.step && event.phase === at.phase) killMyself();
    if (event.step === loseAt && event.phase === 'started') {
      const [serving] = host.plugin('counter')?.status().instances ?? [];
      if (serving !== undefined) process.kill(serving.pid, 'SIGKILL');
    }
  });
  const plugin = await host.load({ ...counterOptions, ...load });
  const add = async (value: number): Promise<void> => {
    await plugin.pinned((scope) => put(scope, 'a', value));
  };
  if (order.kept !== undefined) {
    await add(order.kept);
    await plugin.restart();
  }
  if (order.put !== undefined) await add(order.put);
  if (order.keepsTwo === true) await twoMoreStates(join(stateDir, 'snapshots'));
  armed = true;
  if (order.afterMs !== undefined) setTimeout(killMyself, order.afterMs);
  if (order.upgrade !== undefined) {
    await plugin.upgrade({
      ...order.upgrade,
      verify: () => {
        if (order.refuses === true) throw new Error('as it was told');
      },
    });
  }
  if (order.then !== undefined) await plugin[order.then]();
  if (at !== undefined) throw new Error(`it never came to ${at.step} ${at.phase}`);
  killMyself();
}

main(JSON.parse(process.argv[2] ?? '')).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
