import type { WatchOperationResponse } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { numberOf, type PlainData, recordOf, textOf } from '../plain-data';

/** A step's progress, as far as a picture needs it. */
export interface ProgressNews {
  readonly step: string;
  readonly phase: string;
  readonly elapsedMs: number;
  readonly percent: number;
  /** What the strategy says of the step. */
  readonly message: string | undefined;
  /** The new one's share of new calls, from 0 to 100. */
  readonly percentNew: number | undefined;
}

/** Calls of both versions at one moment. */
export interface TrafficNews {
  readonly oldVersion: string;
  readonly newVersion: string;
  readonly oldInFlight: number;
  readonly newInFlight: number;
  readonly held: number;
}

/** What a daemon tells of an operation. */
export type OperationNews =
  | { readonly kind: 'progress'; readonly progress: ProgressNews }
  | { readonly kind: 'traffic'; readonly traffic: TrafficNews }
  | { readonly kind: 'report'; readonly report: PlainData }
  | { readonly kind: 'error'; readonly error: PlainData };

/** Undefined: something that this release doesn't know. */
export function readNews({ update }: WatchOperationResponse): OperationNews | undefined {
  switch (update?.$case) {
    case 'progress':
      return { kind: 'progress', progress: readProgress(update.value ?? {}) };
    case 'traffic':
      return { kind: 'traffic', traffic: update.value };
    case 'report':
      return { kind: 'report', report: update.value ?? {} };
    case 'error':
      return { kind: 'error', error: update.value ?? {} };
    default:
      return undefined;
  }
}

function readProgress(document: PlainData): ProgressNews {
  const shift = recordOf(document['shift']);
  const message = textOf(shift['message']);
  return {
    step: textOf(document['step']),
    phase: textOf(document['phase']),
    elapsedMs: numberOf(document['elapsedMs']),
    percent: numberOf(document['percent']),
    message: message === '' ? undefined : message,
    percentNew: message === '' ? undefined : numberOf(shift['percentNew']),
  };
}
