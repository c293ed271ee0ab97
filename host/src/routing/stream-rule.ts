import type { ResumeFields } from '../contract/resume-fields';

/** What a route is told of the streams that run over it. */
export interface StreamRule {
  /**
   * How a stream of this method is opened again; undefined: it is not. `unknown`: nobody has been asked to an end yet; the
   * answer may come at any time.
   */
  resumes(path: string): ResumeFields | 'unknown' | undefined;
  /** Whether a call of this method may be cut without having failed. */
  mayBeCut(path: string): boolean;
  /** A stream of this method can't go on elsewhere, though its method says so. The same is said once, whatever the details. */
  warn(path: string, why: string, details?: string): void;
}
