import { resolve } from 'node:path';
import type { Project } from './project';

/** What of a source map is kept: positions and names of sources, not their texts. */
export interface SourceMapText {
  readonly version: 3;
  readonly sources: readonly string[];
  readonly names: readonly string[];
  readonly mappings: string;
}

/** An esbuild map with sources named as {@link Project.nameOf} does, for code that begins `lines` further down. */
export function portableMap(text: string, project: Project, lines: number): string {
  const { sources, names, mappings } = JSON.parse(text) as SourceMapText;
  const map: SourceMapText = {
    version: 3,
    sources: sources.map((source) => sourceName(source, project)),
    names,
    mappings: ';'.repeat(lines) + mappings,
  };
  return JSON.stringify(map);
}

/** Maps of dependencies may name sources by addresses such as webpack://. */
function sourceName(source: string | null, project: Project): string {
  if (source === null || source === '') return '';
  return /^[a-z][a-z+.-]+:/i.test(source) ? source : project.nameOf(resolve(project.root, source));
}
