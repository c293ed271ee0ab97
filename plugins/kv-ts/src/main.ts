// First of all, so that nothing that is imported below can print before the handshake.
import '@plugd/sdk/guard';
import { FeedDefinition } from '@plugd/protocol/gen/samples/feed/v1/feed';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import descriptors from '@plugd/protocol/gen/samples.binpb';
import { definePlugin, serve } from '@plugd/sdk';
import { feedService } from './feed';
import { kvService } from './kv';
import { lateNowAndThen } from './late';
import { probeService } from './probe';
import { ownTls } from './tls';

/** Set when it is built. */
declare const KV_VERSION: string;

const plugin = definePlugin({
  name: 'kv',
  version: KV_VERSION,
  handshake: {
    cookie: ['KV_PLUGIN', 'hello'],
    // From 2.0.0 on both, so that hosts of both ages can run it.
    protocolVersions: KV_VERSION.startsWith('1.') ? [1] : [1, 2],
  },
  descriptors,
  setup(ctx) {
    const kv = kvService(KV_VERSION);
    ctx.service(KvDefinition, KV_VERSION.startsWith('3.') ? lateNowAndThen(kv) : kv);
    ctx.service(ProbeDefinition, probeService(ctx));
    ctx.service(FeedDefinition, feedService(KV_VERSION));
    ctx.health.set('samples.kv.v1.Kv', 'SERVING');
    ctx.onShutdown(() => ctx.log.info('the store is closed'));
  },
});

const tls = ownTls(process.env);
void serve(plugin, tls === undefined ? {} : { tls });
