import type { LoadOptions } from '../instance/load-options';
import type { InstanceCalls } from './instance-calls';

/** A new generation before any traffic, for the application's own check. Its clients work until the check ends. */
export type Candidate = InstanceCalls;

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
