import type { Instance } from '../instance/instance';
import { PinnedRoute } from '../routing/pinned-route';
import type { Candidate } from './upgrade-options';

/** Lets the application call an instance that is not in the route, for as long as `use` runs. */
export async function withCandidate(
  instance: Instance,
  use: (candidate: Candidate) => Promise<void> | void,
): Promise<void> {
  const { plugin, generation: number, version } = instance.identity;
  const route = new PinnedRoute(plugin, { number, channel: instance.connection.channel });
  const { protocolVersion, pid } = instance.launched.record;
  try {
    await use({
      version,
      protocolVersion,
      pid,
      channel: route.channel,
      stub: (stubClass, options) => route.stub(stubClass, options),
      client: (definition) => route.client(definition),
    });
  } finally {
    route.close('ROUTE_CLOSED', 'The check of the new version has ended');
  }
}
