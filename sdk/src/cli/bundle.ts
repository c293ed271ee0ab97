import { dirname, join, resolve } from 'node:path';
import type * as Esbuild from 'esbuild';
import type { BuildOptions } from './build-options';
import { CommandError } from './command-error';
import type { Project } from './project';
import type { SourceMapText } from './runtime/source-map-text';
import { URL_PARAMETER } from './script';
import { mapComment, namedSources, parseMap } from './source-map';

const RUNTIME = 'plugd:runtime';
const GUARD = 'plugd:guard';

export interface Bundle {
  /** CommonJS, the body of a module. */
  readonly code: string;
  readonly map: SourceMapText;
}

/** @throws CommandError with esbuild's messages */
export async function bundle(
  esbuild: typeof Esbuild,
  project: Project,
  options: BuildOptions,
  note: (text: string) => void,
): Promise<Bundle> {
  const entry = { RUNTIME, GUARD, MAIN: `./${relativeEntry(options.entry)}` };
  const imports = options.guard ? [entry.RUNTIME, entry.GUARD, entry.MAIN] : [entry.RUNTIME, entry.MAIN];
  let result: Esbuild.BuildResult<{ write: false; metafile: true }>;
  try {
    result = await esbuild.build({
      absWorkingDir: project.root,
      stdin: {
        contents: imports.map((name) => `import ${JSON.stringify(name)};\n`).join(''),
        resolveDir: dirname(options.entry),
        sourcefile: 'plugd-sdk-build',
      },
      outfile: join(project.root, 'plugin.js'),
      write: false,
      metafile: true,
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      sourcemap: 'external',
      sourcesContent: false,
      legalComments: 'none',
      // Neither a script compiled from a cache nor a binary has a loader for import(); require does the same.
      supported: { 'dynamic-import': false },
      define: {
        'import.meta.url': URL_PARAMETER,
        'import.meta.filename': '__filename',
        'import.meta.dirname': '__dirname',
        ...Object.fromEntries([...options.defines].map(([name, text]) => [name, JSON.stringify(text)])),
      },
      // Descriptors of a contract are part of the file.
      loader: { '.binpb': 'binary' },
      plugins: [ownModules(), leanGrpc()],
      logLevel: 'silent',
    });
  } catch (error) {
    throw new CommandError(await explain(esbuild, error), 1, { cause: error });
  }
  const warnings = await esbuild.formatMessages(result.warnings, { kind: 'warning' });
  for (const warning of warnings) note(warning.trimEnd());
  const text = (ofMap: boolean): string =>
    result.outputFiles.find(({ path }) => path.endsWith('.map') === ofMap)?.text ?? '';
  const whole = {
    code: nameModules(text(false), result.metafile, project),
    map: namedSources(text(true), project),
  };
  return options.minify ? minified(esbuild, whole) : whole;
}

/**
 * In a second step: in the first, whose lines are long then, modules could not be named anew without moving what is
 * behind their names. Names stay: a log that tells of the class `a` helps nobody, and esbuild's way to keep names
 * beside short ones costs 10 ms at start.
 */
async function minified(esbuild: typeof Esbuild, { code, map }: Bundle): Promise<Bundle> {
  const result = await esbuild.transform(code + mapComment(JSON.stringify(map)), {
    minifyWhitespace: true,
    minifySyntax: true,
    platform: 'node',
    target: 'node20',
    sourcemap: 'external',
    sourcesContent: false,
    legalComments: 'none',
  });
  return { code: result.code, map: parseMap(result.map) };
}

const relativeEntry = (entry: string): string => entry.slice(dirname(entry).length).replace(/^[\\/]+/, '');

/** The guard is the one of the SDK that the plugin itself uses, where it uses one. */
function ownModules(): Esbuild.Plugin {
  const here = (path: string) => ({ path: resolve(__dirname, path), sideEffects: true });
  return {
    name: 'plugd-own-modules',
    setup(build) {
      build.onResolve({ filter: /^plugd:runtime$/ }, () => here('runtime/map-stacks.js'));
      build.onResolve({ filter: /^plugd:guard$/ }, async ({ resolveDir }) => {
        const found = await build.resolve('@plugd/sdk/guard', { resolveDir, kind: 'import-statement' });
        return found.errors.length > 0 ? here('../guard.js') : { path: found.path, sideEffects: true };
      });
    },
  };
}

/** grpc-js asks for the loader of .proto files only where its own admin services are offered: it is left out. */
function leanGrpc(): Esbuild.Plugin {
  return {
    name: 'plugd-lean-grpc',
    setup(build) {
      build.onResolve({ filter: /^@grpc\/proto-loader$/ }, ({ importer, path }) =>
        /[\\/]@grpc[\\/]grpc-js[\\/]/.test(importer) ? { path, external: true } : undefined,
      );
    },
  };
}

/** esbuild names each module by its path as seen from the project, which may lead through directories of this machine. */
function nameModules(code: string, metafile: Esbuild.Metafile, project: Project): string {
  const names = new Map(
    Object.keys(metafile.inputs).map((path) => [path, project.nameOf(resolve(project.root, path))]),
  );
  const rename = (line: string, before: string, path: string, after: string): string => {
    const name = names.get(path);
    return name === undefined ? line : before + name + after;
  };
  return code
    .replace(/^(\s*\/\/ )(.+)()$/gm, rename)
    .replace(/^(\s*")(.+)("\(\w*(?:, \w+)?\) \{)$/gm, rename);
}

async function explain(esbuild: typeof Esbuild, error: unknown): Promise<string> {
  const errors = error instanceof Error ? Reflect.get(error, 'errors') : undefined;
  if (!Array.isArray(errors)) return error instanceof Error ? error.message : String(error);
  const messages = errors as Esbuild.Message[];
  const texts = await esbuild.formatMessages(messages, { kind: 'error' });
  const all = messages.map(({ text }) => text).join('\n');
  const hints = [
    [/Top-level await/, 'One file is CommonJS, which knows no top-level await: write `void serve(plugin);`.'],
    [/loader .*"\.node"/, 'A native addon cannot be part of one file.'],
  ] as const;
  const fitting = hints.filter(([pattern]) => pattern.test(all)).map(([, hint]) => hint);
  return ['The bundle failed.', ...texts.map((text) => text.trimEnd()), ...fitting].join('\n');
}
