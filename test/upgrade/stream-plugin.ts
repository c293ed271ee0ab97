// A plugin with the samples' feed that is as good or bad as STREAM_MODE says: bundled and run by streams-faults.test.ts.
import { status } from '@grpc/grpc-js';
import { FeedDefinition } from '@plugd/protocol/gen/samples/feed/v1/feed';
import { definePlugin, RpcError, serve } from '@plugd/sdk';
import { feedService } from '../../plugins/kv-ts/src/feed';

const {
  STREAM_MODE: mode,
  STREAM_STATE: keepsState,
  STREAM_VERSION: version = '1.0.0',
  STREAM_DESCRIPTORS: descriptors,
} = process.env;

const plugin = definePlugin({
  name: 'stream',
  version,
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  ...(descriptors ? { descriptors } : {}),
  ...(keepsState === undefined
    ? {}
    : {
        state: {
          schema: 1,
          initial: () => 'state',
          encode: (state: string) => Buffer.from(state),
          decode: (bytes: Uint8Array) => {
            if (mode === 'unreadable') throw new Error('this is no state of mine');
            return Buffer.from(bytes).toString();
          },
        },
      }),
  setup(ctx) {
    const feed = feedService(version);
    ctx.service(FeedDefinition, {
      ...feed,
      async *follow(request, call) {
        if (request.after > 0 && mode === 'refuses')
          throw new RpcError(status.OUT_OF_RANGE, 'that was long ago');
        if (request.after > 0 && mode === 'crashes') process.exit(1);
        for await (const message of await feed.follow(request, call)) {
          if (mode === 'inclusive' && request.after > 0 && message.sequence === request.after + 1) {
            yield { ...message, sequence: request.after };
          }
          yield mode === 'tokenless' && (message.sequence ?? 0) % 3 === 0
            ? { ...message, sequence: 0 }
            : message;
          if (mode === 'repeats' && (message.sequence ?? 0) % 3 === 0) yield message;
        }
      },
    });
  },
});

void serve(plugin);
