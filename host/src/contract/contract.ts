import type { DescriptorFile } from './descriptor-file';
import type { EnumType, MessageType } from './message-type';
import type { MethodContract, ServiceContract } from './method-contract';

/** What a contract is made of. */
export interface ContractParts {
  readonly services: Iterable<ServiceContract>;
  readonly messages?: Iterable<MessageType>;
  readonly files?: Iterable<DescriptorFile>;
}

/**
 * Which services, methods and types there are, and what may be executed twice: the one place to ask. It never changes.
 * Questions by name take no longer for a large contract than for a small one.
 */
export class Contract {
  static readonly empty = new Contract({ services: [] });

  readonly #services: ReadonlyMap<string, ServiceContract>;
  readonly #methods: ReadonlyMap<string, MethodContract>;
  readonly #messages: ReadonlyMap<string, MessageType>;
  readonly #files: ReadonlyMap<string, DescriptorFile>;
  #enums: ReadonlyMap<string, EnumType> | undefined;

  /** Of two things with one name the first counts. */
  constructor({ services, messages = [], files = [] }: ContractParts) {
    this.#services = joined(services);
    this.#methods = new Map(
      [...this.#services.values()].flatMap(({ methods }) => methods.map((method) => [method.path, method])),
    );
    this.#messages = firstByName(messages);
    this.#files = firstByName(files);
  }

  get services(): readonly ServiceContract[] {
    return [...this.#services.values()];
  }

  service(name: string): ServiceContract | undefined {
    return this.#services.get(name);
  }

  /** @param path `/package.Service/Method` */
  method(path: string): MethodContract | undefined {
    return this.#methods.get(path);
  }

  /** Whether a call that may have been executed may be made again. False for whatever is not known. */
  isIdempotent(path: string): boolean {
    const method = this.#methods.get(path);
    return method !== undefined && method.idempotency !== 'unknown';
  }

  /** Whether each call of it has one request and one answer. False for whatever is not known. */
  isUnary(path: string): boolean {
    const method = this.#methods.get(path);
    return method !== undefined && !method.requestStream && !method.responseStream;
  }

  /** All messages, nested ones too; none where there are no descriptors. */
  get messages(): readonly MessageType[] {
    return [...this.#messages.values()];
  }

  /** @param name with its package */
  message(name: string): MessageType | undefined {
    return this.#messages.get(name);
  }

  /** @param name with its package */
  enum(name: string): EnumType | undefined {
    // Asked for in upgrades alone: a table of them all would be kept for nothing by each plugin.
    this.#enums ??= firstByName([...this.#files.values()].flatMap(({ enums }) => enums));
    return this.#enums.get(name);
  }

  /** The files of descriptors behind it, for who needs more of them than is asked here. */
  get files(): readonly DescriptorFile[] {
    return [...this.#files.values()];
  }

  get #isEmpty(): boolean {
    return this.#services.size + this.#messages.size + this.#files.size === 0;
  }

  /**
   * Both in one. Where both know a thing this one's word counts, method by method and message by message; the other
   * fills in what this one's source can't tell.
   */
  over(other: Contract): Contract {
    // They never change: what adds nothing need not be copied.
    if (this.#isEmpty) return other;
    if (other.#isEmpty) return this;
    return new Contract({
      services: [...this.#services.values(), ...other.#services.values()],
      messages: [...this.#messages.values(), ...other.#messages.values()],
      files: [...this.#files.values(), ...other.#files.values()],
    });
  }
}

function joined(services: Iterable<ServiceContract>): Map<string, ServiceContract> {
  const methods = new Map<string, Map<string, MethodContract>>();
  for (const service of services) {
    const known = methods.get(service.name) ?? new Map<string, MethodContract>();
    methods.set(service.name, known);
    for (const method of service.methods) {
      const first = known.get(method.path);
      known.set(method.path, first === undefined ? method : filledIn(first, method));
    }
  }
  return new Map([...methods].map(([name, known]) => [name, { name, methods: [...known.values()] }]));
}

function filledIn(first: MethodContract, second: MethodContract): MethodContract {
  const { idempotency, levelStated, resumable, mayBeCut } = first.levelStated ? first : second;
  return {
    ...first,
    ...(resumable === undefined ? {} : { resumable }),
    ...(mayBeCut === undefined ? {} : { mayBeCut }),
    inputType: first.inputType ?? second.inputType,
    outputType: first.outputType ?? second.outputType,
    idempotency,
    levelStated,
  };
}

function firstByName<T extends { readonly name: string }>(things: Iterable<T>): Map<string, T> {
  const found = new Map<string, T>();
  for (const thing of things) if (!found.has(thing.name)) found.set(thing.name, thing);
  return found;
}
