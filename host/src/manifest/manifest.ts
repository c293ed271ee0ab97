import type { ExpectOptions } from '../instance/expect-options';
import type { HealthOptions } from '../instance/health-options';
import type { LimitOptions } from '../instance/limit-options';
import type { HandshakeOptions } from '../instance/load-options';
import type { MemoryOptions } from '../instance/memory-options';
import type { RestartOptions } from '../instance/restart-options';
import type { UpgradeOptions } from '../upgrade/upgrade-options';
import type { PlatformName } from './platform-name';

/** The file's name, in the directory of a version. */
export const manifestName = 'plugin.yaml';

/** How two versions may have something that a plugin holds beside memory: see `ResourceKind` of the lifecycle service. */
export type ResourceKindName = 'shared' | 'exclusive' | 'per-generation' | 'leased';

/** What the plugin keeps, as it will say of itself once it runs: so that it is known before. */
export interface ManifestState {
  /** The number of the schema that it writes. */
  readonly schema: number;
  /** The schemas that it reads. Default: its own. */
  readonly restores?: readonly number[];
  /** Whether two versions may serve at a time, each with its own state. Default false. */
  readonly shareable?: boolean;
}

/** A call that shows that a version works, made before any caller's. */
export interface SmokeCall {
  /** `package.Service/Method`, unary. */
  readonly method: string;
  /** The request, as protobuf's JSON. Default: an empty message. */
  readonly request?: Readonly<Record<string, unknown>>;
  /** What has to be in the answer; it may hold more. Only where the status is OK. */
  readonly answer?: Readonly<Record<string, unknown>>;
  /** The status that it has to end with. Default OK. */
  readonly status?: string;
  /** How long it may take, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number;
}

type UpgradePart = Pick<
  UpgradeOptions,
  | 'canary'
  | 'rolling'
  | 'blueGreen'
  | 'shadow'
  | 'shiftTimeoutMs'
  | 'contractPolicy'
  | 'bakeMs'
  | 'keepWarmMs'
>;

/**
 * What `plugin.yaml` says of one version of a plugin. What has the name of an option of `load` or `upgrade` means the same;
 * paths are those of files of the artifact, with `/`.
 */
export interface Manifest extends UpgradePart {
  readonly name: string;
  readonly version: string;
  /** The file that is run: one for all platforms, or one for each. */
  readonly command: string | Readonly<Partial<Record<PlatformName, string>>>;
  /** A program of the machine that runs it, such as `node`: looked up in PATH. Default: the file is run itself. */
  readonly runtime?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly inheritEnv?: boolean;
  /** SHA-256 of each file beside the manifest, by its path. Where it is given, a file that it doesn't name is refused. */
  readonly files?: Readonly<Record<string, string>>;
  readonly handshake: HandshakeOptions;
  readonly autoMtls?: boolean;
  readonly multiplex?: boolean;
  /** A FileDescriptorSet. */
  readonly contract?: string;
  /** Full names of the services that others than the application may call. Default: none. */
  readonly services?: readonly string[];
  /** Ranges of versions of the plugins that it needs, by their names. */
  readonly requires?: Readonly<Record<string, string>>;
  readonly state?: ManifestState;
  /** What it holds beside memory, by name. */
  readonly resources?: Readonly<Record<string, ResourceKindName>>;
  /** It can't run twice at a time, not even during an upgrade: it is upgraded by `recreate`. Default false. */
  readonly single?: boolean;
  readonly strategy?: 'overlap' | 'handoff' | 'recreate' | 'canary' | 'shadow' | 'rolling' | 'blue-green';
  readonly instances?: number;
  readonly restart?: RestartOptions;
  readonly attempts?: number;
  readonly health?: HealthOptions | false;
  readonly limits?: LimitOptions;
  readonly expect?: ExpectOptions;
  readonly memory?: MemoryOptions;
  readonly scratch?: boolean;
  /** A directory: of the artifact, or with an absolute path any. */
  readonly config?: string;
  readonly ports?: Readonly<Record<string, number>>;
  readonly startTimeoutMs?: number;
  readonly drainTimeoutMs?: number;
  readonly stopTimeoutMs?: number;
  readonly smoke?: readonly SmokeCall[];
}
