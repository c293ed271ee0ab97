import type { DaemonConfig } from '../config/config';
import type { DaemonPlaces } from '../config/places';

/** What the doctor knows of where it is. */
export interface DoctorSurroundings {
  /** Which plugins inherit. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether it is another process's, and not that of this one. Default false. */
  readonly foreignEnv?: boolean;
  /** The working directory, absolute. */
  readonly cwd: string;
  /** By which the daemon runs its plugins, or would. */
  readonly config?: DaemonConfig | undefined;
  readonly places: DaemonPlaces;
  /** Where copies of artifacts are made for a moment. Default: the first temporary directory from which programs may be run. */
  readonly temporary?: string;
  /** Whether plugins are started for a moment. */
  readonly start: boolean;
  /** How long a plugin may take to start, where its manifest does not say. Default 15,000. */
  readonly startTimeoutMs?: number;
  /** Gives it up. */
  readonly signal?: AbortSignal;
}
