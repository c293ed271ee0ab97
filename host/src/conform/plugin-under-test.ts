/** The plugin that is checked. */
export interface PluginUnderTest {
  /** Absolute path. */
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** What it inherits; the variables of the wire are taken out of it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cookie: readonly [name: string, value: string];
  /** All protocol versions that the plugin speaks. */
  readonly versions: readonly number[];
  /** Limit of each wait. */
  readonly timeoutMs: number;
}
