import { Document, Scalar, visit } from 'yaml';
import { escapeInvisible, hasInvisible } from './invisible';

/** A document as YAML, with a line end. Control characters are written as escapes. */
export function asYaml(document: unknown): string {
  const tree = new Document(document, { aliasDuplicateObjects: false });
  visit(tree, {
    Scalar: (_key, node) => {
      // Only between double quotes there are escapes.
      if (typeof node.value === 'string' && hasInvisible(node.value)) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return escapeInvisible(tree.toString({ lineWidth: 0 }));
}
