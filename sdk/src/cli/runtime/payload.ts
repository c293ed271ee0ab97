import vm from 'node:vm';

/** The lines around the plugin's code in a file with a code cache: to Node itself they are one long comment. */
export const PAYLOAD_BEGIN = `/*${mark()}`;
export const PAYLOAD_END = `${mark()}*/`;
/** How many lines of the file stand before the code. */
export const LINES_BEFORE_PAYLOAD = 3;
export const CACHE_SUFFIX = '.codecache';
/** Of the SHA-256 at the beginning of a cache, which is that of the code it was made from. */
export const DIGEST_BYTES = 32;

/** @param seam stands in each end of a comment that the code contains */
export function payloadOf(script: string, seam: string): string {
  const begin = script.indexOf(PAYLOAD_BEGIN) + PAYLOAD_BEGIN.length + 1;
  const end = script.lastIndexOf(PAYLOAD_END) - 1;
  return script.slice(begin, end).replaceAll(`*${seam}/`, '*/');
}

/** Put together when it runs: this very code stands in the file too, before the mark that is meant. */
function mark(): string {
  return ['plugd', 'payload'].join('-');
}

/** V8 itself sees whether a cache was made by another version or with other flags, and ignores it. */
export function compile(payload: string, filename: string, cachedData?: Buffer): vm.Script {
  return new vm.Script(payload, {
    filename,
    lineOffset: LINES_BEFORE_PAYLOAD,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
}
