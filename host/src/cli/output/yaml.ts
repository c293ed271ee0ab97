import { stringify } from 'yaml';

/** A document as YAML, with a line end. Control characters are written as escapes by the format itself. */
export function asYaml(document: unknown): string {
  return stringify(document, { lineWidth: 0, aliasDuplicateObjects: false });
}
