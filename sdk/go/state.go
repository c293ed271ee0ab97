package plugd

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// State is how a plugin hands its state over to the next version of itself, as bytes that both understand: the next
// one may be written in another language. All functions may be called while calls are answered.
type State struct {
	// Schema is the number of the form that Snapshot writes, from 1 on. Whoever changes the form counts it up.
	Schema uint32
	// Restores are the schemas that Restore reads. Default: Schema alone.
	Restores []uint32
	// Snapshot writes the state as it is at one moment. Equal states should have equal bytes, so that the host can
	// see whether all has arrived: in JSON they have, in protobuf with proto.MarshalOptions{Deterministic: true}.
	Snapshot func(ctx context.Context, w io.Writer) error
	// Restore takes over a state of one of Restores, in place of the one it has; r ends with io.EOF once all bytes
	// have arrived as they were sent. It is never called once calls come.
	Restore func(ctx context.Context, schema uint32, r io.Reader) error
	// Check reads a state and says in words how the plugin's own differs, "" if it doesn't; without the state's
	// content. Default: nil. States of the same schema are then compared byte by byte, others not at all.
	Check func(ctx context.Context, schema uint32, r io.Reader) (difference string, err error)
	// Shareable says that two versions may serve at the same time, each with its own state.
	Shareable bool
	// SnapshotEvery asks the host to keep a snapshot this often, for a crash. In whole milliseconds; default 0, never.
	SnapshotEvery time.Duration
}

func (s *State) check() error {
	if s.Schema == 0 {
		return fmt.Errorf("State.Schema is 0: schemas are counted from 1")
	}
	if s.Snapshot == nil || s.Restore == nil {
		return fmt.Errorf("State needs both Snapshot and Restore")
	}
	if len(s.Restores) > 0 && !slices.Contains(s.Restores, s.Schema) {
		return fmt.Errorf("State.Restores is without %d, which the plugin itself writes", s.Schema)
	}
	if s.SnapshotEvery.Milliseconds() > math.MaxUint32 {
		return fmt.Errorf("State.SnapshotEvery is %v: the contract has no room for more than 49 days", s.SnapshotEvery)
	}
	if s.SnapshotEvery < 0 || (s.SnapshotEvery > 0 && s.SnapshotEvery < time.Millisecond) {
		return fmt.Errorf("State.SnapshotEvery is %v: it is in whole milliseconds", s.SnapshotEvery)
	}
	return nil
}

func (s *State) restores() []uint32 {
	if len(s.Restores) == 0 {
		return []uint32{s.Schema}
	}
	return s.Restores
}
