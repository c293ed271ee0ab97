import { resolve } from 'node:path';
import type { Project } from './project';
import { MAP_MARK } from './runtime/own-map';
import type { SourceMapText } from './runtime/source-map-text';

/** An esbuild map with sources named as {@link Project.nameOf} does. */
export function namedSources(text: string, project: Project): SourceMapText {
  const { sources, ...rest } = parseMap(text);
  return { ...rest, sources: sources.map((source) => sourceName(source, project)) };
}

export function parseMap(text: string): SourceMapText {
  const { sources, names, mappings } = JSON.parse(text) as SourceMapText;
  return { version: 3, sources, names, mappings };
}

/** The map for code that begins `lines` further down. */
export function movedDown(map: SourceMapText, lines: number): string {
  return JSON.stringify({ ...map, mappings: ';'.repeat(lines) + map.mappings });
}

/** As a comment at the end of a script; the mark before it is that of all tools. */
export function mapComment(map: string): string {
  return `${MAP_MARK}${Buffer.from(map).toString('base64')}\n`;
}

/** Maps of dependencies may name sources by addresses such as webpack://. */
function sourceName(source: string | null, project: Project): string {
  if (source === null || source === '') return '';
  return /^[a-z][a-z+.-]+:/i.test(source) ? source : project.nameOf(resolve(project.root, source));
}
