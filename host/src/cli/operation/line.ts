import type { Colour, Paint } from '../output/colour';

/** A part of a line, with its colour. */
export interface Piece {
  readonly text: string;
  readonly colour?: Colour;
}

/** In characters, not in halves of them. */
export function widthOf(text: string): number {
  let width = 0;
  for (const _ of text) width++;
  return width;
}

/** As much of a line as fits; its last character says that there was more. */
export function clip(pieces: readonly Piece[], width: number): Piece[] {
  const clipped: Piece[] = [];
  let left = width;
  for (const piece of pieces) {
    const length = widthOf(piece.text);
    if (length <= left) {
      clipped.push(piece);
      left -= length;
      continue;
    }
    const shown = Array.from(piece.text)
      .slice(0, Math.max(0, left - 1))
      .join('');
    if (left > 0) clipped.push({ ...piece, text: `${shown}…` });
    break;
  }
  return clipped;
}

export function paintLine(pieces: readonly Piece[], paint: Paint): string {
  return pieces.map(({ text, colour }) => paint(colour, text)).join('');
}
