import type { BeginOperationRequest } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { AdminClient } from '../admin/admin-client';
import type { OperationControls } from '../upgrade/operation-controls';
import { OperationHandle, type OperationProgress } from '../upgrade/operation-handle';
import type { UpgradeReport } from '../upgrade/report';
import type { DaemonLink } from './daemon-link';
import { errorOf, progressOf, reportOf } from './documents';

/** What it takes to follow an operation in a daemon. */
export interface OperationSurroundings {
  readonly admin: AdminClient;
  readonly link: DaemonLink;
  /** What the daemon is asked for. Throws PluginError where it need not be asked at all. */
  request(): Pick<BeginOperationRequest, 'plugin' | 'operation' | 'options'>;
  /** The operation is over, well or not: resolves when what it has changed is known here. */
  over(report: UpgradeReport | undefined): Promise<void>;
}

/** How long a daemon that was lost in the middle may take to be found again, in milliseconds. */
const foundAgainMs = 15_000;

/** An operation that runs in a daemon, whether anybody follows it or not. */
export function remoteOperation(surroundings: OperationSurroundings): OperationHandle {
  return new OperationHandle((report, controls) => new RemoteOperation(surroundings, report, controls).run());
}

class RemoteOperation {
  readonly #surroundings: OperationSurroundings;
  readonly #report: (progress: OperationProgress) => void;
  readonly #controls: OperationControls;
  /** How much of its progress has been told. */
  #told = 0;
  #swapped = false;

  constructor(
    surroundings: OperationSurroundings,
    report: (progress: OperationProgress) => void,
    controls: OperationControls,
  ) {
    this.#surroundings = surroundings;
    this.#report = report;
    this.#controls = controls;
  }

  async run(): Promise<UpgradeReport> {
    // Nothing of it is done before whoever began it has its handle, as in a host of one's own.
    await Promise.resolve();
    const { admin, link } = this.#surroundings;
    const asked = this.#surroundings.request();
    const { operation } = await admin.beginOperation(asked);
    const id = operation?.id ?? '';
    const release = this.#control(asked.plugin, id);
    const begunAt = link.daemon.startedAt;
    let report: UpgradeReport | undefined;
    try {
      report = await this.#follow(id, begunAt);
      return report;
    } finally {
      release();
      await this.#surroundings.over(report);
    }
  }

  /** What is asked by hand is asked of the daemon. One that it is too late for goes on as it was. */
  #control(plugin: string, id: string): () => void {
    const { admin } = this.#surroundings;
    const { promoted, signal } = this.#controls;
    const promote = () => void admin.promoteOperation({ plugin, id }).catch(() => {});
    const abort = () => {
      const { reason = '' } = this.#controls;
      void admin.abortOperation({ plugin, id, reason }).catch(() => {});
    };
    if (signal.aborted) abort();
    else if (promoted.aborted) promote();
    signal.addEventListener('abort', abort);
    promoted.addEventListener('abort', promote);
    return () => {
      signal.removeEventListener('abort', abort);
      promoted.removeEventListener('abort', promote);
    };
  }

  async #follow(id: string, begunAt: number): Promise<UpgradeReport> {
    for (;;) {
      try {
        const report = await this.#untilEnd(id);
        if (report !== undefined) return report;
      } catch (error) {
        if (!(error instanceof PluginError) || error.code !== 'DAEMON_UNREACHABLE') throw error;
      }
      await this.#findAgain(id, begunAt);
    }
  }

  /** Undefined: the daemon ended the stream before the operation had its end. */
  async #untilEnd(id: string): Promise<UpgradeReport | undefined> {
    let seen = 0;
    for await (const { update } of this.#surroundings.admin.watchOperation({ id })) {
      if (update?.$case === 'progress' && ++seen > this.#told) this.#tell(progressOf(update.value ?? {}));
      if (update?.$case === 'report') return reportOf(update.value ?? {});
      if (update?.$case === 'error') throw errorOf(update.value ?? {});
    }
    return undefined;
  }

  #tell(progress: OperationProgress): void {
    this.#told++;
    const { step, phase } = progress;
    if (step === 'swap' && phase === 'done') this.#swapped = true;
    // The old version is about to go, or what was done is being undone: what is asked from now on comes too late.
    const leaving = this.#swapped && (step === 'drain' || step === 'stop');
    if (leaving || phase === 'undoing') this.#controls.end();
    this.#report(progress);
  }

  /** Throws where it is not the daemon that began it. */
  async #findAgain(id: string, begunAt: number): Promise<void> {
    const { admin, link } = this.#surroundings;
    const daemon = await link.whenFound(foundAgainMs);
    if (daemon?.startedAt === begunAt) return;
    const what = daemon === undefined ? 'was lost' : 'was started again';
    throw new PluginError(
      'DAEMON_UNREACHABLE',
      `The daemon at ${admin.socket} ${what} in the middle of operation ${id}.`,
      {
        facts: { socket: admin.socket, operation: id, begun: true },
        hint: 'With a state directory the next daemon finishes or undoes it: see how the plugin stands.',
      },
    );
  }
}
