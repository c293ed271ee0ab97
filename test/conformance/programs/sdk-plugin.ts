import { definePlugin, type Plugin, type ServiceCall } from '@plugd/sdk';
import { ConformanceServiceDefinition } from '../gen/connectrpc/conformance/v1/service';
import { handlers, type Surroundings } from './handlers';
import { interopMethods, interopService } from './interop-service';
import { PLUGIN_COOKIE } from './plugin-process';

/** The server under test: a plugin as its authors write it. */
export const plugin: Plugin = definePlugin({
  name: 'conformance',
  version: '1.0.0',
  handshake: { cookie: PLUGIN_COOKIE, protocolVersions: [1] },
  setup(ctx) {
    const { unary, serverStream, clientStream, bidiStream } = ConformanceServiceDefinition.methods;
    const offered = {
      ...ConformanceServiceDefinition,
      methods: { unary, serverStream, clientStream, bidiStream },
    };
    ctx.service(offered, {
      unary: (request, call) => handlers.unary(request, surroundings(call)),
      serverStream: (request, call) => handlers.serverStream(request, surroundings(call)),
      clientStream: (requests, call) => handlers.clientStream(requests, surroundings(call)),
      bidiStream: (requests, call) => handlers.bidiStream(requests, surroundings(call)),
    });
    ctx.service(interopMethods, interopService);
  },
});

function surroundings(call: ServiceCall): Surroundings {
  return {
    metadata: call.metadata,
    deadline: call.deadline?.getTime(),
    header: (metadata) => call.header(metadata),
    trailer: (metadata) => call.trailer(metadata),
  };
}
