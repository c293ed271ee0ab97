import type { Client } from '@grpc/grpc-js';
import type { PromiseClient } from '@plugd/protocol/rpc/client';
import type { AnyServiceDefinition } from '@plugd/protocol/rpc/definition';
import type { LoadOptions } from '../instance/load-options';
import type { Channel } from '../routing/grpc-call';
import type { StubConstructor, StubOptions } from '../routing/stub';

/** A new generation before any traffic, for the application's own check. Its clients work until the check ends. */
export interface Candidate {
  readonly version: string;
  /** What host and plugin agreed on. */
  readonly protocolVersion: number;
  readonly pid: number;
  /** For any stub library that takes a grpc-js channel. */
  readonly channel: Channel;
  /** As `plugin.stub`. */
  stub<Stub extends Client>(stubClass: StubConstructor<Stub>, options?: StubOptions): Stub;
  /** As `plugin.client`. */
  client<Def extends AnyServiceDefinition>(definition: Def): PromiseClient<Def>;
}

/** What to change. What is left out stays as it was, `sha256` excepted: another command has another sum. */
export interface UpgradeOptions extends Partial<Omit<LoadOptions, 'name'>> {
  /**
   * The application tries the new one through stubs before any call goes to it; a throw refuses it with
   * VERIFY_FAILED. Has to end within `startTimeoutMs`.
   */
  readonly verify?: (candidate: Candidate) => Promise<void> | void;
  /** Proves the new one and stops it again: the route is not touched. Default false. */
  readonly dryRun?: boolean;
  /** What to do while another operation runs on this plugin. Default `wait`. */
  readonly ifBusy?: 'wait' | 'fail';
}
