import { type Fault, type Report, titleOf } from './fault';
import type { Run } from './run-fault';

/** One line of what is printed. */
export interface Verdict {
  readonly fault: string;
  readonly mode: string;
  readonly outcome: string;
  readonly report: Report | undefined;
  /** Not possible on this machine, and so not tried. */
  readonly impossible: string | undefined;
  /** What is not as it should be. */
  readonly wrong: readonly string[];
  /** That the neighbour got slower. It counts only where a machine has nothing else to do. */
  readonly slow: string | undefined;
}

const DEFAULT_GROWTH_MIB = 100;
/** What a quiet neighbour's p99 may grow by where a machine is shared: twice of next to nothing is next to nothing. */
const DEFAULT_SLACK_MS = 25;

export function judge(run: Run): Verdict {
  const { fault, mode, report } = run;
  const impossible = fault.smallDisk && report === undefined ? impossibility(run.trouble) : undefined;
  const wrong =
    impossible === undefined
      ? [
          ...(run.left.length === 0 ? [] : [`${run.left.length} processes are left`]),
          ...(report === undefined ? [`the host ended: ${run.trouble}`] : faultsOf(fault, report)),
          ...(report !== undefined && run.trouble !== '' ? [`the host printed: ${run.trouble}`] : []),
        ]
      : [];
  const outcome = report === undefined ? '' : outcomeOf(report);
  return {
    fault: titleOf(fault),
    mode,
    outcome,
    report,
    impossible,
    wrong,
    slow: report && slowness(fault, report),
  };
}

/** The words of the program that makes the small file system, where it could not. */
function impossibility(trouble: string): string | undefined {
  return /unshare|mount|ENOENT/.test(trouble) ? trouble.split('\n')[0] : undefined;
}

function outcomeOf({ end, code, calls, restartedFor }: Report): string {
  const ended = Object.entries(calls).map(([ending, count]) => `${count} ${ending}`);
  const why = end === 'restarted' ? [...new Set(restartedFor)].join(' and ') : code;
  return [why === undefined ? end : `${end}: ${why}`, ...ended].join(', ');
}

function faultsOf(fault: Fault, report: Report): string[] {
  const wrong: string[] = [];
  const check = (holds: boolean, what: string): void => {
    if (!holds) wrong.push(what);
  };
  check(
    report.end === fault.end || report.end === fault.orEnd,
    `the end is ${report.end}, and not ${fault.end}`,
  );
  check(report.code === fault.code, `the code is ${report.code}, and not ${fault.code}`);
  for (const [endings, allowed, whose] of [
    [report.calls, fault.calls ?? ['OK'], 'call'],
    [report.steady, fault.steady ?? ['OK'], 'steady call'],
  ] as const) {
    for (const [ending, count] of Object.entries(endings))
      check(allowed.includes(ending), `${count} ${whose}s ended with ${ending}`);
  }
  check(report.vain.length === 0, `in vain: ${report.vain.join(', ')}`);
  check(report.miscounted === 0, `${report.miscounted} calls ended never, or twice`);
  check(report.neighbourFailed.length === 0, `the neighbour failed: ${report.neighbourFailed.join(', ')}`);
  const growthMiB = fault.growthMiB ?? DEFAULT_GROWTH_MIB;
  check(report.grownMiB < growthMiB, `the host grew by ${report.grownMiB.toFixed()} MiB`);
  check(report.leftFiles.length === 0, `left: ${report.leftFiles.join(', ')}`);
  return wrong;
}

function slowness({ slackMs = DEFAULT_SLACK_MS }: Fault, { quiet, during }: Report): string | undefined {
  const mostMs = Math.max(2 * quiet.p99Ms, quiet.p99Ms + slackMs);
  if (during.p99Ms <= mostMs) return undefined;
  return `the neighbour's p99 went from ${quiet.p99Ms.toFixed(1)} to ${during.p99Ms.toFixed(1)} ms`;
}
