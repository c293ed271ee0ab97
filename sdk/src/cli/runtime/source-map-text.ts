/** What of a source map is kept: positions and names of sources, not their texts. */
export interface SourceMapText {
  readonly version: 3;
  readonly sources: readonly string[];
  readonly names: readonly string[];
  readonly mappings: string;
}
