/**
 * Part of each file that `plugd-sdk build` makes, and the first of it to run: stack traces name the TypeScript
 * source in place of the bundle. Node could do the same (--enable-source-maps) but reads the whole map at each
 * start; here it is read for the first trace that somebody looks at.
 */
import { readOwnMap } from './own-map';
import { PositionIndex } from './position-index';

mapOwnStacks(ownName());

function mapOwnStacks(script: string): void {
  let index: PositionIndex | undefined;
  let asked = false;
  Error.prepareStackTrace = (error, frames) => {
    if (!asked) {
      // Once, also should reading it fail.
      asked = true;
      index = indexOfOwnMap();
    }
    return [titleOf(error), ...frames.map((frame) => `    at ${place(frame, script, index)}`)].join('\n');
  };
}

/** This file as V8 knows it: a path, an address, or the name that was given to a part of a binary. */
function ownName(): string {
  Error.prepareStackTrace = (_error, frames) => frames[0]?.getFileName() ?? '';
  return String(new Error().stack);
}

function indexOfOwnMap(): PositionIndex | undefined {
  try {
    const map = readOwnMap();
    return map === undefined ? undefined : new PositionIndex(map);
  } catch {
    return undefined; // a trace of the bundle is better than none
  }
}

function titleOf(error: unknown): string {
  try {
    return String(error);
  } catch {
    return 'Error';
  }
}

function place(frame: NodeJS.CallSite, script: string, index: PositionIndex | undefined): string {
  const text = frame.toString();
  const line = frame.getLineNumber();
  const column = frame.getColumnNumber();
  if (index === undefined || line === null || column === null || frame.getFileName() !== script) return text;
  const source = index.find(line, column);
  return source === undefined ? text : text.replace(`${script}:${line}:${column}`, () => source);
}
