import type { InstanceState } from '../events/host-event';

/** Where an instance may go from each state. `stopped` and `failed` are ends. */
export const transitions: Readonly<Record<InstanceState, readonly InstanceState[]>> = {
  starting: ['ready', 'failed', 'stopped'],
  ready: ['serving', 'failed', 'stopped'],
  serving: ['draining', 'unhealthy', 'failed', 'stopped'],
  unhealthy: ['draining', 'failed', 'stopped'],
  draining: ['stopped', 'failed'],
  stopped: [],
  failed: [],
};
