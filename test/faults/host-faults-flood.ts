/** What the measured host is asked for. */
export interface FloodOrder {
  /** What chaos is to do. */
  readonly mode: string;
  /** How much has to have arrived, read or thrown away, before the plugin is called once and stopped. */
  readonly bytes: number;
  readonly patienceMs: number;
}

/** What it saw. */
export interface FloodResult {
  /** `loaded`, or the code of the error. */
  readonly outcome: string;
  readonly bytes: number;
  readonly records: number;
  /** Of the host's resident memory: its highest over its first. */
  readonly grownBytes: number;
  /** The last call and the stop. */
  readonly stopMs: number;
  /** The neighbour's calls meanwhile. */
  readonly answered: number;
  readonly failed: number;
}
