import { Metadata } from '@grpc/grpc-js';
import type { Header } from '../gen/connectrpc/conformance/v1/service';

const BINARY = '-bin';

/** The suite writes binary values in base64, with or without padding. */
export function toMetadata(headers: readonly Header[]): Metadata {
  const metadata = new Metadata();
  for (const { name, value } of headers) {
    for (const one of value) {
      metadata.add(name, name.toLowerCase().endsWith(BINARY) ? Buffer.from(one, 'base64') : one);
    }
  }
  return metadata;
}

export function toHeaders(metadata: Metadata): Header[] {
  return Object.keys(metadata.getMap()).map((name) => ({
    name,
    value: metadata
      .get(name)
      .map((one) => (typeof one === 'string' ? one : one.toString('base64').replaceAll('=', ''))),
  }));
}
