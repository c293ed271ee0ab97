import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import type { ResumeFields } from '../contract/resume-fields';

/**
 * What a message holds in its token's field, as it is written; undefined if it is not there, and if the bytes are no
 * message. Of several the last one counts, as everywhere in protobuf.
 */
export function tokenOf(message: Uint8Array, { token, wireType }: ResumeFields): Buffer | undefined {
  let found: Uint8Array | undefined;
  try {
    const reader = new BinaryReader(message);
    while (reader.pos < reader.len) {
      const [field, written] = reader.tag();
      const value = reader.skip(written, field);
      if (field === token && Number(written) === wireType) found = value;
    }
  } catch {
    return undefined;
  }
  // A copy: what is kept of a message must not keep all of it.
  return found === undefined ? undefined : Buffer.from(found);
}

/** The request with this token, in the place of the one that it may have. Throws if the bytes are no message. */
export function requestWith(request: Uint8Array, token: Uint8Array, fields: ResumeFields): Buffer {
  const writer = new BinaryWriter();
  const reader = new BinaryReader(request);
  while (reader.pos < reader.len) {
    const begin = reader.pos;
    const [field, written] = reader.tag();
    reader.skip(written, field);
    if (field !== fields.request) writer.raw(request.subarray(begin, reader.pos));
  }
  writer.tag(fields.request, fields.wireType).raw(token);
  return Buffer.from(writer.finish());
}
