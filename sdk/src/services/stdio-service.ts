import { status } from '@grpc/grpc-js';
import {
  StdioData_Channel as Channel,
  type GRPCStdioDefinition,
  type StdioData,
} from '@plugd/protocol/gen/plugin/grpc_stdio';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import type { ServiceImplementation } from '@plugd/protocol/rpc/service';
import type { Logger } from '../logger';
import type { StdioHub } from '../stdio/stdio-hub';

/** go-plugin's stdio: what the plugin prints, to the one host that asks. */
export function stdioService(hub: StdioHub, log: Logger): ServiceImplementation<typeof GRPCStdioDefinition> {
  return {
    async *streamStdio(_request, call): AsyncGenerator<StdioData> {
      const reader = hub.attach();
      // A Go host takes UNAVAILABLE for "no stdio here" and goes on without.
      if (reader === undefined)
        throw new RpcError(status.UNAVAILABLE, 'Another host reads the output already.');
      try {
        reportDropped(hub, log);
        for (;;) {
          const chunk = await reader.next(call.signal);
          if (chunk === undefined) return;
          yield { channel: chunk.channel === 'stderr' ? Channel.STDERR : Channel.STDOUT, data: chunk.bytes };
        }
      } finally {
        reader.detach();
      }
    },
  };
}

function reportDropped(hub: StdioHub, log: Logger): void {
  const stdout = hub.dropped('stdout');
  const stderr = hub.dropped('stderr');
  if (stdout + stderr === 0) return;
  log.warn('output was dropped because nobody read it', { stdout_bytes: stdout, stderr_bytes: stderr });
}
