import fs from 'node:fs';
import sea from 'node:sea';
import type { SourceMapText } from './source-map-text';

export const MAP_MARK = '//# sourceMappingURL=data:application/json;base64,';
export const MAP_ASSET = 'source-map';

// A newer version of the plugin may be put in this one's place while it runs; its map would name wrong lines.
const atStart = identity();

/** The map at the end of this file, or in this binary; undefined where there is none. */
export function readOwnMap(): SourceMapText | undefined {
  if (sea.isSea()) return JSON.parse(sea.getAsset(MAP_ASSET, 'utf8')) as SourceMapText;
  const text = fs.readFileSync(__filename, 'utf8');
  const begin = text.lastIndexOf(MAP_MARK);
  if (begin === -1 || atStart === undefined || atStart !== identity()) return undefined;
  return JSON.parse(Buffer.from(text.slice(begin + MAP_MARK.length), 'base64').toString()) as SourceMapText;
}

function identity(): string | undefined {
  try {
    const { dev, ino, size, mtimeMs } = fs.statSync(__filename);
    return [dev, ino, size, mtimeMs].join();
  } catch {
    return undefined;
  }
}
