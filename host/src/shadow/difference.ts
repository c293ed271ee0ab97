/**
 * In what two answers differ: `value` of a field; a field with presence, a map's entry or a member of a oneof that is `missing` in
 * the new one's answer, or `added` by it; the `length` of a list; the `status` of the calls, or its `details`; their `bytes`,
 * where nothing tells what is in them; or the new one's answer is `undecodable`, or of a larger `size` than is mirrored.
 */
export type DifferenceKind =
  | 'value'
  | 'missing'
  | 'added'
  | 'length'
  | 'status'
  | 'details'
  | 'bytes'
  | 'undecodable'
  | 'size';

/** One difference, told without showing values, unless these may be shown. */
export interface AnswerDifference {
  /** The way to it from the answer, as in `ignore`; empty for what is no field. A map's key is shown as a value is. */
  readonly field: string;
  readonly kind: DifferenceKind;
  /** Type, length and a digest that only equal values of this run have in common; or the value. */
  readonly old: string;
  readonly new: string;
}
