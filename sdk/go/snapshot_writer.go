package plugd

import (
	"crypto/sha256"
	"hash"

	lifecyclev1 "plugd.invalid/plugd/gen/plugd/lifecycle/v1"
)

// pieceSize is what one message carries.
const pieceSize = 64 << 10

// snapshotWriter sends what is written to it in pieces of one size.
type snapshotWriter struct {
	send   func(*lifecyclev1.SnapshotResponse) error
	piece  []byte
	bytes  uint64
	digest hash.Hash
}

func newSnapshotWriter(
	schema uint32, send func(*lifecyclev1.SnapshotResponse) error,
) (*snapshotWriter, error) {
	header := &lifecyclev1.SnapshotResponse_Header{Header: &lifecyclev1.SnapshotHeader{Schema: schema}}
	if err := send(&lifecyclev1.SnapshotResponse{Part: header}); err != nil {
		return nil, err
	}
	return &snapshotWriter{send: send, piece: make([]byte, 0, pieceSize), digest: sha256.New()}, nil
}

func (w *snapshotWriter) Write(data []byte) (int, error) {
	for rest := data; len(rest) > 0; {
		fitting := min(len(rest), pieceSize-len(w.piece))
		w.piece = append(w.piece, rest[:fitting]...)
		rest = rest[fitting:]
		if len(w.piece) == pieceSize {
			if err := w.flush(); err != nil {
				return len(data) - len(rest), err
			}
		}
	}
	return len(data), nil
}

// end sends what is left, and what tells that all has arrived.
func (w *snapshotWriter) end() error {
	if err := w.flush(); err != nil {
		return err
	}
	end := &lifecyclev1.SnapshotEnd{Bytes: w.bytes, Sha256: w.digest.Sum(nil)}
	return w.send(&lifecyclev1.SnapshotResponse{Part: &lifecyclev1.SnapshotResponse_End{End: end}})
}

func (w *snapshotWriter) flush() error {
	if len(w.piece) == 0 {
		return nil
	}
	w.digest.Write(w.piece)
	w.bytes += uint64(len(w.piece))
	// The piece's memory is used again: sending has made bytes of it by then.
	err := w.send(&lifecyclev1.SnapshotResponse{Part: &lifecyclev1.SnapshotResponse_Data{Data: w.piece}})
	w.piece = w.piece[:0]
	return err
}
