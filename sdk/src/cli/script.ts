import { LINES_BEFORE_PAYLOAD, PAYLOAD_BEGIN, PAYLOAD_END } from './runtime/payload';
import { mapComment } from './source-map';

/** What stands for import.meta.url in the bundle. */
export const URL_PARAMETER = '__plugd_url';
const PARAMETERS = `exports, require, module, __filename, __dirname, ${URL_PARAMETER}`;

/**
 * A file without an extension in a package of "type": "module" is an ES module to Node, and there is no telling
 * where this one will lie. So it makes the scope of a CommonJS module for itself where it finds none.
 */
const SCOPE = oneLine(`
  (() => {
    if (typeof require === "function") return [exports, require, module, __filename, __dirname];
    const get = process.getBuiltinModule;
    const file = get("node:fs").realpathSync(process.argv[1]);
    const own = { exports: {}, filename: file, id: ".", loaded: false };
    const load = get("node:module").createRequire(file);
    load.main = own;
    return [own.exports, load, own, file, get("node:path").dirname(file)];
  })()`);
const WITH_URL = oneLine(`
  ((scope) => [...scope, scope[1]("node:url").pathToFileURL(scope[3]).href])(${SCOPE})`);

/** Lines before the code, by which its source map must be moved down. */
export const LINES_BEFORE = { plain: 2, cached: LINES_BEFORE_PAYLOAD + 1 } as const;

/** A file that runs its code as Node reads it. */
export function plainScript(node: string | undefined, code: string, map: string): string {
  return `${firstLine(node)}(function (${PARAMETERS}) {\n${code}\n})(...${WITH_URL});\n${mapComment(map)}`;
}

/** The same without first line and map, for a binary, with the lines where they were. */
export function binaryMain(code: string): string {
  return `//\n(function (${PARAMETERS}) {\n${code}\n})(...${WITH_URL});\n`;
}

/** The code of a cached script: what V8 compiles, apart from the file around it. */
export function payload(code: string): string {
  return `(function (${PARAMETERS}) {\n${code}\n})`;
}

/** What can stand within the ends of comments in the code, so that the code can stand in a comment. */
export function seamFor(code: string): string {
  let seam = '~';
  while (code.includes(`*${seam}/`)) seam += '~';
  return seam;
}

/** @param start one line of JavaScript that exports `start` */
export function cachedScript(parts: {
  readonly node: string | undefined;
  readonly start: string;
  readonly payload: string;
  readonly seam: string;
  readonly map: string;
}): string {
  const { node, start, payload, seam, map } = parts;
  const run = `(function (${PARAMETERS}) { ${start.trim()} module.exports.start(...arguments); })(...${WITH_URL});`;
  const commented = payload.replaceAll('*/', `*${seam}/`);
  return `${firstLine(node)}${run}\n${PAYLOAD_BEGIN}\n${commented}\n${PAYLOAD_END}\n${mapComment(map)}`;
}

const firstLine = (node: string | undefined): string => `#!${node ?? '/usr/bin/env node'}\n`;

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ' ');
}
