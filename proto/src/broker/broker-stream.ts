import type { ConnInfo } from '../gen/plugin/grpc_broker';
import type { PluginError } from '../plugin-error';

/** The stream on which the two brokers of a plugin talk. Each side's end of it looks the same. */
export interface BrokerStream {
  /** Resolves once the message is on its way. @throws PluginError BROKER_CLOSED */
  send(info: ConnInfo): Promise<void>;
  /** Hears each message, the ones that came before first. There is one listener. */
  onReceive(listener: (info: ConnInfo) => void): void;
  /** Hears once why the stream has ended; at once if it has. */
  onEnd(listener: (reason: PluginError) => void): void;
  end(): void;
  /** Messages of either direction for which there was no room. Default: none. */
  readonly dropped?: number;
}
