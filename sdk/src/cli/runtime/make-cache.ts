/**
 * A process of its own, for `plugd-sdk build --code-cache`: runs the code once and writes what V8 has compiled.
 * Arguments: the file with the code, the name it will have, where to write the cache.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compile } from './payload';

/** A plugin that was started by hand says so and ends at once; for one that does not. */
const PATIENCE_MS = 2_000;

const [, , source = '', name = '', output = ''] = process.argv;
const payload = fs.readFileSync(source, 'utf8');
// The path of this machine stays out of the cache.
const script = compile(payload, basename(name));
process.argv = [process.execPath, name];
process.on('exit', () => {
  const digest = createHash('sha256').update(payload).digest();
  fs.writeFileSync(output, Buffer.concat([digest, script.createCachedData()]));
  // The plugin's own code says that it failed: it had no host.
  process.exitCode = 0;
});
setTimeout(() => process.exit(), PATIENCE_MS);

const requireThere = createRequire(name);
const own = { exports: {}, filename: name, id: '.', loaded: false };
requireThere.main = own as unknown as NodeJS.Module;
const run = script.runInThisContext() as (...scope: readonly unknown[]) => void;
run(own.exports, requireThere, own, name, dirname(name), pathToFileURL(name).href);
