import type { OperationRow } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import type { OperationNews, ProgressNews, TrafficNews } from './operation-news';

/** A step that has ended, or something that was undone. */
export interface PastStep {
  readonly step: string;
  readonly phase: 'done' | 'failed' | 'undone';
  readonly elapsedMs: number;
}

/** An operation as it can be drawn: what has been heard of it until now. */
export interface OperationState {
  readonly plugin: string;
  readonly operation: string;
  readonly fromVersion: string;
  readonly toVersion: string;
  readonly percent: number;
  /** Since it began, by the last news. */
  readonly elapsedMs: number;
  readonly past: readonly PastStep[];
  /** What is going on; undefined before the first step, and after the last one. */
  readonly current: CurrentStep | undefined;
  readonly traffic: TrafficNews | undefined;
  /** The most calls that either side has had at a time. */
  readonly mostInFlight: number;
  readonly outcome: 'running' | 'done' | 'failed';
}

export interface CurrentStep {
  readonly step: string;
  readonly undoing: boolean;
  /** When it began, since the operation did. */
  readonly beganMs: number;
  readonly message: string | undefined;
  readonly percentNew: number | undefined;
}

export function begunState({ plugin, operation, fromVersion, toVersion }: OperationRow): OperationState {
  return {
    plugin,
    operation,
    fromVersion,
    toVersion,
    percent: 0,
    elapsedMs: 0,
    past: [],
    current: undefined,
    traffic: undefined,
    mostInFlight: 0,
    outcome: 'running',
  };
}

/** The operation after it was heard of again. */
export function withNews(state: OperationState, news: OperationNews): OperationState {
  switch (news.kind) {
    case 'progress':
      return withProgress(state, news.progress);
    case 'traffic': {
      const { traffic } = news;
      const mostInFlight = Math.max(state.mostInFlight, traffic.oldInFlight, traffic.newInFlight);
      return { ...state, traffic, mostInFlight };
    }
    case 'report':
      return { ...state, outcome: 'done', current: undefined, percent: 100 };
    case 'error':
      return { ...state, outcome: 'failed', current: undefined };
  }
}

function withProgress(state: OperationState, news: ProgressNews): OperationState {
  const { step, phase, elapsedMs, percent, message, percentNew } = news;
  const heard = { ...state, elapsedMs, percent };
  const { current } = state;
  if (phase === 'started' || phase === 'undoing') {
    const undoing = phase === 'undoing';
    return {
      ...heard,
      current: { step, undoing, beganMs: elapsedMs, message: undefined, percentNew: undefined },
    };
  }
  if (phase === 'running') {
    const going = current ?? { step, undoing: false, beganMs: elapsedMs };
    return { ...heard, current: { ...going, step, message, percentNew } };
  }
  if (phase !== 'done' && phase !== 'failed' && phase !== 'undone') return heard;
  const beganMs = current?.step === step ? current.beganMs : elapsedMs;
  const past = [...state.past, { step, phase, elapsedMs: elapsedMs - beganMs } as const];
  return { ...heard, past, current: undefined };
}
