import type { LifecycleDefinition } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import type { ServiceImplementation } from '@plugd/protocol/rpc/service';
import type { ServiceCall } from '@plugd/protocol/rpc/service-call';
import type { Handoff } from '../state/handoff';
import { DEFAULT_HOOK_LIMIT_MS } from '../state/limits';
import { describedResources, type Resources } from '../state/resources';
import type { StatePart } from '../state/state-part';

/** What the service says and leads. */
export interface LifecycleParts {
  readonly identity: { readonly name: string; readonly version: string };
  /** Undefined for a plugin that keeps none. */
  readonly state: StatePart | undefined;
  readonly resources: Resources;
  readonly single: boolean;
  readonly handoff: Handoff;
  /** Another generation takes the new calls from now on. */
  drain(): void;
  /** They come again. */
  undrain(): void;
}

/** For the answer to arrive, in milliseconds. */
const MARGIN_MS = 250;

type Lifecycle = ServiceImplementation<LifecycleDefinition>;

/**
 * plugd.lifecycle.v1.Lifecycle. A plugin without state has nothing to hand over, and one without resources either nothing
 * to release: what makes no sense for it is UNIMPLEMENTED, as in a plugin that knows nothing of it. Resume undoes Drain
 * too, so that each plugin has it.
 */
export function lifecycleService(parts: LifecycleParts): Partial<Lifecycle> {
  const { identity, state, resources, single } = parts;
  const leads = state !== undefined || Object.keys(resources).length > 0;
  return {
    describe: () => {
      parts.handoff.lead();
      return {
        ...identity,
        ...(state === undefined ? {} : { state: state.description }),
        resources: describedResources(resources),
        single,
      };
    },
    drain: () => {
      parts.drain();
      return {};
    },
    resume: async (_request, call) => {
      await parts.handoff.resume(limitOf(call));
      parts.undrain();
      return {};
    },
    ...(leads ? steps(parts.handoff) : {}),
    ...(state === undefined ? {} : transfer(state, parts.handoff)),
  };
}

function steps(handoff: Handoff): Pick<Lifecycle, 'pause' | 'release' | 'activate'> {
  return {
    pause: async ({ limitMs }, call) => {
      await handoff.pause(limitMs > 0 ? limitMs : limitOf(call));
      return {};
    },
    release: async ({ resources }, call) => {
      await handoff.release(resources, limitOf(call));
      return {};
    },
    activate: async (_request, call) => {
      handoff.lead();
      await handoff.activate(limitOf(call));
      return {};
    },
  };
}

function transfer(state: StatePart, handoff: Handoff): Pick<Lifecycle, 'snapshot' | 'restore' | 'check'> {
  return {
    snapshot: () => state.snapshot(),
    restore: async (parts) => {
      handoff.lead();
      handoff.checkRestorable();
      const { sha256, take } = await state.read(parts);
      // Activate may have come while the parts did.
      handoff.checkRestorable();
      take();
      return { sha256 };
    },
    check: async (parts) => {
      const difference = await state.compare(parts);
      return difference === undefined ? { same: true } : { same: false, difference };
    },
  };
}

/** The limit of a step, in milliseconds: a little less than its caller waits, so that the caller hears what was too slow. */
function limitOf({ deadline }: ServiceCall): number {
  if (deadline === undefined) return DEFAULT_HOOK_LIMIT_MS;
  const left = deadline.getTime() - Date.now();
  return Math.max(left - Math.min(left / 10, MARGIN_MS), 1);
}
