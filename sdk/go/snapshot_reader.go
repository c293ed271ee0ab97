package plugd

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"io"

	lifecyclev1 "plugd.invalid/plugd/gen/plugd/lifecycle/v1"
)

// part is one message of a snapshot, in whichever call.
type part interface {
	GetHeader() *lifecyclev1.SnapshotHeader
	GetData() []byte
	GetEnd() *lifecyclev1.SnapshotEnd
}

// snapshotReader gives the data of a snapshot, and io.EOF only where it has come as it was sent.
type snapshotReader struct {
	schema uint32
	next   func() (part, error)
	rest   []byte
	bytes  uint64
	digest hash.Hash
	// err is what Read returns once rest is used up.
	err error
}

func newSnapshotReader(next func() (part, error)) (*snapshotReader, error) {
	first, err := next()
	if errors.Is(err, io.EOF) || (err == nil && first.GetHeader() == nil) {
		return nil, stateIncomplete.error("a snapshot begins with its header")
	}
	if err != nil {
		return nil, err
	}
	return &snapshotReader{schema: first.GetHeader().GetSchema(), next: next, digest: sha256.New()}, nil
}

func (r *snapshotReader) Read(into []byte) (int, error) {
	if len(into) == 0 {
		return 0, nil
	}
	for len(r.rest) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.rest, r.err = r.piece()
	}
	count := copy(into, r.rest)
	r.rest = r.rest[count:]
	return count, nil
}

// piece is the next one; with io.EOF after the last.
func (r *snapshotReader) piece() ([]byte, error) {
	received, err := r.next()
	if errors.Is(err, io.EOF) {
		return nil, stateIncomplete.error("the snapshot is incomplete: it has no end after %d bytes", r.bytes)
	}
	if err != nil {
		return nil, err
	}
	if received.GetHeader() != nil {
		return nil, stateIncomplete.error("a snapshot has one header")
	}
	if end := received.GetEnd(); end != nil {
		return nil, r.verify(end)
	}
	data := received.GetData()
	r.bytes += uint64(len(data))
	r.digest.Write(data)
	return data, nil
}

func (r *snapshotReader) verify(end *lifecyclev1.SnapshotEnd) error {
	if end.GetBytes() != r.bytes {
		return stateIncomplete.error("the snapshot has %d bytes of %d", r.bytes, end.GetBytes())
	}
	if !bytes.Equal(end.GetSha256(), r.digest.Sum(nil)) {
		return stateIncomplete.error("the snapshot has not come as it was sent: its digest differs")
	}
	if _, err := r.next(); err == nil {
		return stateIncomplete.error("the snapshot goes on after its end")
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return io.EOF
}

// use is how the author's reading ended: with what was wrong with the snapshot before what he made of it. What he
// left is read too, so that nothing is taken over that has not come whole.
func (r *snapshotReader) use(what string, authors error) error {
	if authors == nil {
		if _, err := io.Copy(io.Discard, r); err != nil {
			return err
		}
		return nil
	}
	if r.err != nil && !errors.Is(r.err, io.EOF) {
		return r.err
	}
	return stateCodecFailed.error("%s: %v", what, authors)
}
