interface Wanted {
  readonly key: string;
}

// Types and comments: what makes lines of the source and of its bundle differ.
export function fail({ key }: Wanted): never {
  throw new Error(`no such thing: ${key}`);
}
