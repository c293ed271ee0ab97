import type { ResumeFields } from '../contract/resume-fields';
import type { MessageContext } from './grpc-call';
import { replayLimitBytes } from './replay';
import { requestWith, tokenOf } from './resume-token';
import type { StreamRule } from './stream-rule';

interface Sent {
  readonly context: MessageContext;
  readonly message: Buffer;
}

/** Where a stream stands, and what it takes to open it again there. */
export class StreamPosition {
  halfClosed = false;
  readonly #rule: StreamRule;
  readonly #method: string;
  #fields: ResumeFields | 'unknown' | undefined;
  #request: Sent | undefined;
  /** The last message's. */
  #token: Buffer | undefined;
  /** The last message, as long as nobody knows where its token is. */
  #last: Uint8Array | undefined;
  /** It will not come to what is `unknown` any more. */
  #forgotten = false;

  constructor(rule: StreamRule, method: string) {
    this.#rule = rule;
    this.#method = method;
    this.#fields = rule.resumes(method);
  }

  /** Whether it is known to be resumable. */
  get resumable(): boolean {
    return typeof this.#fields === 'object';
  }

  /** Whether it can be opened again now, and whoever would take it now knows how. */
  get mayGoOn(): boolean {
    return this.#learn() && this.halfClosed && this.#request !== undefined && this.#stillResumes();
  }

  /** From now on it is like any other call. */
  forget(): void {
    this.#fields = undefined;
    this.#forgotten = true;
    this.#request = undefined;
    this.#token = undefined;
    this.#last = undefined;
  }

  /** Says once of its method that this stream can't go on elsewhere. */
  warn(why: string, details?: string): void {
    this.#rule.warn(this.#method, why, details);
  }

  sends({ flags }: MessageContext, message: Buffer): void {
    if (this.#forgotten || this.#fields === undefined) return;
    if (this.#request === undefined && message.length <= replayLimitBytes) {
      this.#request = { context: flags === undefined ? {} : { flags }, message };
    } else {
      this.#loses(
        this.#request === undefined
          ? 'its request is larger than 1 MiB'
          : 'it has sent more than one request',
      );
    }
  }

  /** The request by which it goes on behind the last message. To be asked only where it {@link mayGoOn}. */
  request(): Sent {
    if (this.#request === undefined) throw new Error('there is no request');
    const { context, message } = this.#request;
    if (this.#token === undefined || typeof this.#fields !== 'object') return this.#request;
    return { context, message: requestWith(message, this.#token, this.#fields) };
  }

  /**
   * A message has come. `repeated`: it is the last one once more, and nobody is to see it. `lost`: it comes from one that
   * was to go on where another stood, and can't.
   *
   * @param opening `inclusive`: it may begin with the last message of the one before
   */
  moves(
    message: unknown,
    opening: { inclusive: boolean; readonly again: boolean },
  ): 'new' | 'repeated' | 'lost' {
    if (this.#forgotten || this.#fields === undefined) return 'new';
    const { inclusive } = opening;
    opening.inclusive = false;
    if (inclusive && !this.#stillResumes()) return 'lost';
    if (!(message instanceof Uint8Array)) return 'new';
    if (typeof this.#fields !== 'object') {
      this.#last = message;
      this.#learn();
      return 'new';
    }
    const token = tokenOf(message, this.#fields);
    if (token !== undefined && this.#token !== undefined && token.equals(this.#token)) {
      if (inclusive) return 'repeated';
      this.#loses('two messages after each other had the same token');
    } else if (token === undefined) {
      this.#loses('a message came without a token');
    } else {
      this.#token = token;
    }
    return 'new';
  }

  /** Whether its fields are known: somebody may have told of them meanwhile. */
  #learn(): boolean {
    if (this.#fields !== 'unknown') return this.#fields !== undefined;
    const known = this.#rule.resumes(this.#method);
    if (known === 'unknown') return false;
    this.#fields = known;
    if (known === undefined) this.forget();
    else if (this.#last !== undefined) {
      this.#token = tokenOf(this.#last, known);
      if (this.#token === undefined) this.#loses('a message came without a token');
    }
    this.#last = undefined;
    return this.resumable;
  }

  /** Whether the version that would take it, or has taken it, knows of tokens of this type. */
  #stillResumes(): boolean {
    const now = this.#rule.resumes(this.#method);
    if (now === 'unknown') return true;
    if (typeof this.#fields !== 'object') return false;
    if (now === undefined || now.type !== this.#fields.type) return false;
    this.#fields = now;
    return true;
  }

  #loses(why: string): void {
    if (this.resumable) this.warn(why);
    this.forget();
  }
}
