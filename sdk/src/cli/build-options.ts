/** What `plugd-sdk build` was asked for. Paths are absolute. */
export interface BuildOptions {
  readonly entry: string;
  /** Default: `dist/<name of the package>` in the plugin's project. */
  readonly output: string | undefined;
  /** Identifiers to be replaced, with their texts. */
  readonly defines: ReadonlyMap<string, string>;
  readonly minify: boolean;
  readonly codeCache: boolean;
  readonly binary: boolean;
  readonly guard: boolean;
  readonly windowsLauncher: boolean;
  /** The Node in the first line. Default: whatever is first in the PATH of the one who starts the plugin. */
  readonly node: string | undefined;
}
