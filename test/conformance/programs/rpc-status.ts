import { Metadata, type status } from '@grpc/grpc-js';
import type { Error as SuiteError } from '../gen/connectrpc/conformance/v1/service';
import { Status } from '../gen/google/rpc/status';

const UNKNOWN = 2;
const DETAILS = 'grpc-status-details-bin';

/** How a call ended, as both grpc-js and the promise client say it. */
export interface Ending {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

/** What a handler throws so that its caller gets this error. The numbers of the codes are gRPC's own. */
export function endingOf(error: SuiteError, trailers = new Metadata()): Ending {
  const details = error.message ?? '';
  const metadata = trailers.clone();
  if (error.details.length > 0) {
    const full = { code: error.code, message: details, details: error.details };
    metadata.set(DETAILS, Buffer.from(Status.encode(full).finish()));
  }
  return { code: Number(error.code), details, metadata };
}

/** What a caller reports to the suite. */
export function errorOf({ code, details, metadata }: Ending): SuiteError {
  const [bytes] = metadata.get(DETAILS);
  const known = Buffer.isBuffer(bytes) ? Status.decode(bytes).details : [];
  // grpc-js ends some calls without a code; the suite must hear of it as a wrong one.
  return { code: Number.isInteger(code) ? Number(code) : UNKNOWN, message: `${details}`, details: known };
}

/** The ending that an error stands for. @throws the error itself, if it stands for none: then we have a defect. */
export function asEnding(error: unknown): Ending {
  if (typeof error !== 'object' || error === null) throw error;
  const metadata: unknown = Reflect.get(error, 'metadata');
  if (!(metadata instanceof Metadata)) throw error;
  return { code: Reflect.get(error, 'code'), details: Reflect.get(error, 'details'), metadata };
}
