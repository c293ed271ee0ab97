import type { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import type { ServiceImplementation } from '@plugd/sdk';
import { pause } from './pause';

const LATE_EVERY = 20;
const LATE_MS = 1_500;

/** The same service, with one answer of twenty late: no probe sees it, callers feel it, and a canary must find it. */
export function lateNowAndThen(
  service: ServiceImplementation<KvDefinition>,
): ServiceImplementation<KvDefinition> {
  let calls = 0;
  const late = async (signal: AbortSignal): Promise<void> => {
    if (++calls % LATE_EVERY === 0) await pause(LATE_MS, [signal]);
  };
  return {
    ...service,
    async get(request, call) {
      await late(call.signal);
      return service.get(request, call);
    },
    async put(request, call) {
      await late(call.signal);
      return service.put(request, call);
    },
  };
}
