import { readFile } from 'node:fs/promises';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { DescriptorIndex } from './descriptor-index';

/**
 * The descriptors of the plugin's own services and of the built-in ones. Their code is loaded here and not
 * at the start: few plugins are ever asked.
 * @throws PluginError DESCRIPTORS_INVALID
 */
export async function loadDescriptors(own: string | Uint8Array | undefined): Promise<DescriptorIndex> {
  // A dynamic import would keep its form in the emitted code, which a CommonJS bundle can't have inside.
  const { DescriptorIndex }: typeof import('./descriptor-index') = require('./descriptor-index');
  const { builtInDescriptors }: typeof import('./built-in-descriptors') = require('./built-in-descriptors');
  const index = new DescriptorIndex();
  if (own !== undefined) index.add(typeof own === 'string' ? await read(own) : own);
  index.add(builtInDescriptors());
  return index;
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new PluginError('DESCRIPTORS_INVALID', `The descriptors can't be read from ${path}.`, {
      facts: { path },
      cause,
    });
  }
}
