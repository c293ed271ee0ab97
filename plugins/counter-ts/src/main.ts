// First of all, so that nothing that is imported below can print before the handshake.
import '@plugd/sdk/guard';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { FeedDefinition } from '@plugd/protocol/gen/samples/feed/v1/feed';
import descriptors from '@plugd/protocol/gen/samples.binpb';
import { definePlugin, serve } from '@plugd/sdk';
import { feedService } from '../../kv-ts/src/feed';
import { counterService } from './counter';
import { numbersOf } from './numbers';
import { Store } from './store';

/** Set when it is built. */
declare const COUNTER_VERSION: string;

const plugin = definePlugin({
  name: 'counter',
  version: COUNTER_VERSION,
  handshake: {
    cookie: ['COUNTER_PLUGIN', 'hello'],
    // From 2.0.0 on both, so that hosts of both ages can run it.
    protocolVersions: COUNTER_VERSION.startsWith('1.') ? [1] : [1, 2],
  },
  descriptors,
  state: numbersOf(COUNTER_VERSION),
  setup(ctx) {
    ctx.service(CounterDefinition, counterService(COUNTER_VERSION, ctx.broker, new Store(ctx.state)));
    ctx.service(FeedDefinition, feedService(COUNTER_VERSION));
  },
});

void serve(plugin);
