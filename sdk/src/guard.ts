/**
 * Import this before anything that might print: `import '@plugd/sdk/guard'` as the first line, or
 * `node --import @plugd/sdk/guard plugin.js`.
 *
 * A host takes the first line on standard output for the handshake, so a banner of some imported module
 * would break the plugin. Under a host, from here on, what is printed goes to the host's stdio stream
 * instead; started by hand, nothing changes.
 */
import { isMainThread } from 'node:worker_threads';
import { captureOutput } from './stdio/capture';

/** Hosts set these always; the constants' module is not loaded for two names. */
const UNDER_A_HOST = ['PLUGIN_PROTOCOL_VERSIONS', 'PLUGIN_MIN_PORT'];

// A worker's output reaches the main thread's streams, and so the guard there.
if (isMainThread && UNDER_A_HOST.some((name) => process.env[name] !== undefined)) captureOutput();
