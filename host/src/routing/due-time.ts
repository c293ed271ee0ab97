import { performance } from 'node:perf_hooks';
import type { CallDeadline } from './grpc-call';

// A deadline is a time of the wall clock, which may be set while a call is held or before it is begun anew. So it is
// kept as a time of the monotonic clock, in milliseconds, and said anew to whoever begins the call.

export function dueTime(deadline: CallDeadline): number {
  const time = Number(deadline);
  return time === Number.POSITIVE_INFINITY ? time : performance.now() + (time - Date.now());
}

export function deadlineAt(dueTime: number): number {
  return dueTime === Number.POSITIVE_INFINITY ? dueTime : Date.now() + (dueTime - performance.now());
}
