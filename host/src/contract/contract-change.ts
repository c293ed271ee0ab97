/** What is different between two contracts, in words of its kind. */
export type ChangeKind =
  | 'service-removed'
  | 'service-added'
  | 'method-removed'
  | 'method-added'
  | 'call-kind-changed'
  | 'request-type-changed'
  | 'response-type-changed'
  | 'idempotency-changed'
  | 'type-unknown'
  | 'field-removed'
  | 'field-added'
  | 'field-number-changed'
  | 'field-type-changed'
  | 'field-cardinality-changed'
  | 'field-oneof-changed'
  | 'enum-value-removed'
  | 'enum-value-added'
  | 'enum-number-changed';

/** One difference, with what it was and what it is, for people. */
export interface ContractChange {
  readonly kind: ChangeKind;
  /** Service, `/service/method`, `message.field`, or `enum.VALUE`. */
  readonly where: string;
  readonly was: string | undefined;
  readonly is: string | undefined;
  /** Whether callers of the old one can't call the new one as before. */
  readonly breaking: boolean;
}

/** Takes a change down. */
export type NoteChange = (
  kind: ChangeKind,
  where: string,
  was: string | undefined,
  is: string | undefined,
  breaking: boolean,
) => void;

/** A change in one line, for errors and reports. */
export function formatChange({ kind, where, was, is }: ContractChange): string {
  const what = kind.replaceAll('-', ' ');
  const change =
    was !== undefined && is !== undefined ? `: ${was} → ${is}` : is === undefined ? '' : `: ${is}`;
  return `${where}: ${what}${change}`;
}
