import { type Metadata, status } from '@grpc/grpc-js';
import { type MetadataInit, toMetadata } from './metadata';

const brand = Symbol.for('plugd.RpcError');

/** The trailer that carries the code of a PluginError along with a gRPC status. */
export const CODE_TRAILER = 'plugd-code';

/**
 * The trailer that says, of a call that plugd ended, whether the plugin may have executed it: `no` is certain, and
 * the call can be made again whatever it does; `maybe` means that it had been sent.
 */
export const EXECUTED_TRAILER = 'plugd-executed';

/**
 * The trailer, `true`, of a call that ended on a process which had been told to leave: new calls go elsewhere, and a stream
 * without an end may be begun anew at once.
 */
export const DRAINING_TRAILER = 'plugd-draining';

/** See {@link EXECUTED_TRAILER}. */
export type Executed = 'no' | 'maybe';

export interface RpcErrorOptions {
  /** The trailers. */
  readonly metadata?: MetadataInit;
  /** The method that was called, as `/package.Service/Method`. */
  readonly path?: string;
  readonly cause?: unknown;
}

/**
 * A call that ended with another status than OK. Clients reject with it; a service may throw it to choose the
 * status that its caller gets.
 *
 * `instanceof` holds over two copies of this package.
 */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  /** The gRPC status, such as 14. */
  readonly code: status;
  /** Its name, such as `UNAVAILABLE`. */
  readonly codeName: string;
  /** What the other side said about it. */
  readonly details: string;
  /** The trailers. */
  readonly metadata: Metadata;
  /** The method that was called, as `/package.Service/Method`; empty if not known. */
  readonly path: string;
  /** The code of plugd's own, such as `DRAIN_TIMEOUT`, where it was plugd that ended the call. */
  readonly pluginCode: string | undefined;
  /**
   * Where it was plugd that ended the call: `no` if the plugin never saw it, so that it can be made again whatever it
   * does; `maybe` if it had been sent.
   */
  readonly executed: Executed | undefined;

  constructor(code: status, details: string, options: RpcErrorOptions = {}) {
    const codeName = status[code] ?? `STATUS_${code}`;
    const path = options.path ?? '';
    super(
      `${path === '' ? '' : `${path} `}${codeName}: ${details}`,
      options.cause === undefined ? {} : { cause: options.cause },
    );
    this.code = code;
    this.codeName = codeName;
    this.details = details;
    this.metadata = toMetadata(options.metadata);
    this.path = path;
    this.pluginCode = this.metadata.get(CODE_TRAILER)[0]?.toString();
    const executed = this.metadata.get(EXECUTED_TRAILER)[0];
    this.executed = executed === 'no' || executed === 'maybe' ? executed : undefined;
    Object.defineProperty(this, brand, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value;
  }
}
