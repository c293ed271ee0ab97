import { createPromiseClient } from '@plugd/protocol/rpc/client';
import type { Instance } from '../instance/instance';
import { createStub } from '../routing/stub';
import { SwapChannel } from '../routing/swap-channel';
import type { Candidate } from './upgrade-options';

/** Lets the application call an instance that is not in the route, for as long as `use` runs. */
export async function withCandidate(
  instance: Instance,
  use: (candidate: Candidate) => Promise<void> | void,
): Promise<void> {
  const { plugin, generation, version } = instance.identity;
  // A route of its own: stubs that the check leaves behind end with it, and none of them closes the real channel.
  const route = new SwapChannel({ name: plugin });
  const trial = route.swap({ number: generation, channel: instance.connection.channel }).generation;
  const channel = route.facade();
  const { record } = instance.launched;
  try {
    await use({
      version,
      protocolVersion: record.protocolVersion,
      pid: record.pid,
      channel,
      stub: (stubClass, options) => createStub(stubClass, route.facade(), options),
      client: (definition) => createPromiseClient(definition, channel),
    });
  } finally {
    route.close({ code: 'ROUTE_CLOSED', details: 'The check of the new version has ended' });
    trial.cut({ code: 'ROUTE_CLOSED', details: 'The check of the new version has ended' });
  }
}
