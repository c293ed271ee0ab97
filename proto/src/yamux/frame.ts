/** What a frame is for. */
export const FrameType = { DATA: 0, WINDOW_UPDATE: 1, PING: 2, GO_AWAY: 3 } as const;

/** What a frame says beside its content. */
export const Flag = { SYN: 1, ACK: 2, FIN: 4, RST: 8 } as const;

/** All flags that there are. */
export const KNOWN_FLAGS = Flag.SYN | Flag.ACK | Flag.FIN | Flag.RST;

/** Why a side leaves: the length field of a go-away frame. */
export const GoAwayCode = { NORMAL: 0, PROTOCOL_ERROR: 1, INTERNAL_ERROR: 2 } as const;

export type GoAwayCode = (typeof GoAwayCode)[keyof typeof GoAwayCode];

/** The one version of the protocol. */
export const PROTOCOL_VERSION = 0;

export const HEADER_BYTES = 12;

/** What each side may send on a new stream before it hears of the other; fixed by the protocol. */
export const INITIAL_WINDOW_BYTES = 256 * 1024;

/** A frame's header. The length of a data frame counts the bytes that follow; elsewhere it is a value. */
export interface FrameHeader {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly length: number;
}

export function encodeHeader(type: number, flags: number, streamId: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header[0] = PROTOCOL_VERSION;
  header[1] = type;
  header.writeUInt16BE(flags, 2);
  header.writeUInt32BE(streamId, 4);
  header.writeUInt32BE(length, 8);
  return header;
}
