import { type ChannelInterface, status } from '@grpc/grpc-js';
import type { CallOptions } from './call-options';
import { ClientCall } from './client-call';
import type { RpcMethod } from './definition';
import { RpcError } from './rpc-error';

/** A call that is answered once. */
class SingleResponse extends ClientCall {
  private response: { readonly message: unknown } | undefined;

  constructor(
    channel: ChannelInterface,
    method: RpcMethod,
    options: CallOptions,
    private readonly resolve: (message: unknown) => void,
    private readonly reject: (error: unknown) => void,
  ) {
    super(channel, method, options);
  }

  unary(request: unknown): void {
    const bytes = this.encode(request);
    this.open();
    this.read();
    this.sendOne(bytes);
  }

  clientStream(requests: unknown): void {
    this.open();
    this.read();
    void this.sendAll(requests);
  }

  protected received(message: unknown): void {
    if (this.response !== undefined) {
      this.fail(this.malformed('It sent more than one response'));
      return;
    }
    this.response = { message };
    // Without another read a second response would lie unseen, and the status behind it: the call would hang.
    this.read();
  }

  protected finished(error: unknown): void {
    if (error !== undefined) this.reject(error);
    else if (this.response === undefined) this.reject(this.malformed('It sent no response'));
    else this.resolve(this.response.message);
  }

  private malformed(what: string): RpcError {
    return new RpcError(status.UNIMPLEMENTED, what, { path: this.method.path });
  }
}

/** Calls a unary method. */
export function callUnary(
  channel: ChannelInterface,
  method: RpcMethod,
  request: unknown,
  options: CallOptions,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    new SingleResponse(channel, method, options, resolve, reject).unary(request);
  });
}

/** Calls a method that takes a stream and answers once. */
export function callClientStream(
  channel: ChannelInterface,
  method: RpcMethod,
  requests: unknown,
  options: CallOptions,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    new SingleResponse(channel, method, options, resolve, reject).clientStream(requests);
  });
}
