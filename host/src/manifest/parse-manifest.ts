import type { Manifest } from './manifest';
import { optionProblems } from './option-problems';
import { problemsError } from './problem';
import { relationProblems } from './relations';
import { type Shape, shapeProblems } from './shape-problems';
import { readYaml } from './yaml-source';

/**
 * Reads the text of a `plugin.yaml`. `path` is what messages call it.
 *
 * Throws PluginError MANIFEST_INVALID with all that is wrong in it: facts `path` and `problems`.
 */
export function parseManifest(content: string | Uint8Array, path: string): Manifest {
  const source = readYaml(typeof content === 'string' ? Buffer.from(content) : content);
  if (source.value === undefined) throw problemsError('MANIFEST_INVALID', path, source.problems);
  // With the first file: an application without manifests does without all that checks shapes.
  const { manifestSchema }: typeof import('./manifest-schema') = require('./manifest-schema');
  const { manifestKeys }: typeof import('./json-schema') = require('./json-schema');
  const shape: Shape = { keys: manifestKeys, isSecret: (at) => at[0] === 'env' };
  const result = manifestSchema.safeParse(source.value);
  const problems = result.success
    ? [...source.problems, ...relationProblems(result.data, source), ...optionProblems(result.data, source)]
    : [...source.problems, ...shapeProblems(result.error.issues, source, shape)];
  if (!result.success || problems.length > 0) throw problemsError('MANIFEST_INVALID', path, problems);
  return result.data;
}
