/** A state, or bytes, that can't be used. The message quotes nothing of it: what a plugin keeps may be somebody's secrets. */
export class UnfitState extends Error {
  override readonly name = 'UnfitState';
}
