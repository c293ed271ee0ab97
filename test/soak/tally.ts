import { status } from '@grpc/grpc-js';
import { PluginError, RpcError } from '@plugd/host';

/** What the callers of a soak have seen. It does not grow with the number of calls. */
export interface TallyFigures {
  /** Begun and ended, by kind. */
  readonly calls: Readonly<Record<string, number>>;
  /** Those that were lost with their process, by kind: only calls that may not be made again. */
  readonly lost: Readonly<Record<string, number>>;
  /** What must not be, and how often. */
  readonly wrong: Readonly<Record<string, number>>;
}

/** More are only counted. */
const mostKindsOfWrong = 50;

export class Tally implements TallyFigures {
  readonly calls: Record<string, number> = {};
  readonly lost: Record<string, number> = {};
  readonly wrong: Record<string, number> = {};

  /** Makes a call and notes how it ends. Resolves with whether it was answered; never rejects. */
  async enter(what: string, repeatable: boolean, call: () => Promise<void>): Promise<boolean> {
    count(this.calls, what);
    try {
      await call();
      return true;
    } catch (error) {
      if (!repeatable && isLoss(error)) count(this.lost, what);
      else this.note(`${what}: ${describe(error)}`);
      return false;
    }
  }

  /** Something went wrong. */
  note(what: string): void {
    const known = what in this.wrong || Object.keys(this.wrong).length < mostKindsOfWrong;
    count(this.wrong, known ? what : 'others');
  }
}

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

/** What work ends with that was with a process which is lost. */
const losses: readonly string[] = ['PLUGIN_EXITED', 'PLUGIN_UNHEALTHY', 'BROKER_CLOSED'];

/** Whether a call ended as one does whose process is lost. */
function isLoss(error: unknown): boolean {
  if (error instanceof PluginError) return losses.includes(error.code);
  return error instanceof RpcError && error.code === status.UNAVAILABLE;
}

/** Without pids and paths, so that equal ones are counted together. */
function describe(error: unknown): string {
  const code = error instanceof RpcError ? ` [${error.codeName} ${error.pluginCode}]` : '';
  return `${String(error)}${code}`.replaceAll(/\/\S+/g, '…').replaceAll(/\d{3,}/g, '#');
}
