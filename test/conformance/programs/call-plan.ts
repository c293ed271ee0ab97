import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientCompatRequest } from '../gen/connectrpc/conformance/v1/client_compat';
import { StreamType } from '../gen/connectrpc/conformance/v1/config';

/** When, and whether, the caller leaves. */
export interface CancelPlan {
  readonly beforeCloseSend: boolean;
  readonly afterCloseSendMs: number | undefined;
  readonly afterResponses: number | undefined;
}

export function cancelPlan({ cancel }: ClientCompatRequest): CancelPlan {
  const timing = cancel?.cancelTiming;
  return {
    beforeCloseSend: timing?.$case === 'beforeCloseSend',
    // The suite's word for "at once" is no timing at all.
    afterCloseSendMs:
      timing?.$case === 'afterCloseSendMs'
        ? timing.value
        : cancel !== undefined && timing === undefined
          ? 0
          : undefined,
    afterResponses: timing?.$case === 'afterNumResponses' ? timing.value : undefined,
  };
}

/** Whether each request waits for the answer to the one before. */
export const isFullDuplex = ({ streamType }: ClientCompatRequest): boolean =>
  streamType === StreamType.STREAM_TYPE_FULL_DUPLEX_BIDI_STREAM;

/** A moment that others wait for. */
export class Gate {
  private readonly passed: Promise<void>;
  private pass: () => void = () => {};

  constructor() {
    this.passed = new Promise((resolve) => {
      this.pass = resolve;
    });
  }

  open(): void {
    this.pass();
  }

  wait(): Promise<void> {
    return this.passed;
  }
}

/**
 * The requests of a call that streams them, each when it is due; then leaves or closes as the plan says.
 * @param answered waits, in a full duplex call, until the request of this number has its answer
 */
export async function* requestsOf<T>(
  request: ClientCompatRequest,
  decode: (bytes: Uint8Array) => T,
  leave: () => void,
  answered: (index: number) => Promise<void>,
): AsyncGenerator<T, void> {
  const plan = cancelPlan(request);
  for (const [index, { value }] of request.requestMessages.entries()) {
    if (request.requestDelayMs > 0) await sleep(request.requestDelayMs);
    yield decode(value);
    if (isFullDuplex(request)) await answered(index);
  }
  if (plan.beforeCloseSend) {
    leave();
    // Whoever has left closes nothing.
    await new Promise<never>(() => {});
  }
  if (plan.afterCloseSendMs !== undefined) setTimeout(leave, plan.afterCloseSendMs);
}
