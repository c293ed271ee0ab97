import { status } from '@grpc/grpc-js';
import {
  type ProbeDefinition,
  PrintRequest_Target as Target,
} from '@plugd/protocol/gen/samples/probe/v1/probe';
import { type PluginContext, RpcError, type ServiceImplementation } from '@plugd/sdk';
import { pause } from './pause';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;

/** samples.probe.v1.Probe: what tests and benchmarks ask of a plugin. */
export function probeService({
  log,
  protocolVersion,
}: PluginContext): ServiceImplementation<ProbeDefinition> {
  let cancelledSleeps = 0;
  return {
    echo: ({ payload }) => ({ payload }),

    print({ target, text }) {
      if (target === Target.TARGET_STDOUT) process.stdout.write(text);
      else if (target === Target.TARGET_STDERR) process.stderr.write(text);
      else throw new RpcError(status.INVALID_ARGUMENT, `target ${target} is neither stdout nor stderr`);
      return {};
    },

    log({ level, message, fields }) {
      const known = LEVELS.find((one) => one === level);
      if (known === undefined) throw new RpcError(status.INVALID_ARGUMENT, `"${level}" is no log level`);
      log[known](message, fields);
      return {};
    },

    fail({ code, message }) {
      if (code === status.OK) return {};
      throw new RpcError(code, message);
    },

    async sleep({ durationMs }, call) {
      await pause(durationMs, [call.signal]);
      if (call.signal.aborted) {
        cancelledSleeps++;
        throw call.signal.reason;
      }
      return {};
    },

    inspect({ environment }, call) {
      return {
        environment: Object.fromEntries(
          environment.flatMap((name) => {
            const value = process.env[name];
            return value === undefined ? [] : [[name, value]];
          }),
        ),
        arguments: process.argv.slice(2),
        workingDirectory: process.cwd(),
        protocolVersion,
        metadata: Object.fromEntries(
          Object.entries(call.metadata.toJSON()).map(([key, values]) => [key, values.map(String).join(', ')]),
        ),
        cancelledSleeps,
      };
    },
  };
}
