package plugd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	lifecyclev1 "plugd.invalid/plugd/gen/plugd/lifecycle/v1"
)

// The three calls that carry a state.

func (s *service) Snapshot(_ *lifecyclev1.SnapshotRequest, stream lifecyclev1.Lifecycle_SnapshotServer) error {
	state, err := s.state()
	if err != nil {
		return err
	}
	writer, err := newSnapshotWriter(state.Schema, stream.Send)
	if err != nil {
		return err
	}
	if err := state.Snapshot(stream.Context(), writer); err != nil {
		return stateCodecFailed.error("State.Snapshot: %v", err)
	}
	return writer.end()
}

func (s *service) Restore(stream lifecyclev1.Lifecycle_RestoreServer) error {
	state, err := s.state()
	if err != nil {
		return err
	}
	ctx := stream.Context()
	give, err := s.lifecycle.turn.take(ctx)
	if err != nil {
		return err
	}
	defer give()
	if s.lifecycle.active {
		return handoffOrder.error("the plugin is active: its state can't be replaced any more")
	}
	reader, err := openSnapshot(state, func() (part, error) { return stream.Recv() })
	if err != nil {
		return err
	}
	if err := reader.use("State.Restore", state.Restore(ctx, reader.schema, reader)); err != nil {
		return err
	}
	return stream.SendAndClose(&lifecyclev1.RestoreResponse{Sha256: reader.digest.Sum(nil)})
}

func (s *service) Check(stream lifecyclev1.Lifecycle_CheckServer) error {
	state, err := s.state()
	if err != nil {
		return err
	}
	ctx := stream.Context()
	give, err := s.lifecycle.turn.take(ctx)
	if err != nil {
		return err
	}
	defer give()
	reader, err := openSnapshot(state, func() (part, error) { return stream.Recv() })
	if err != nil {
		return err
	}
	var difference string
	switch {
	case state.Check != nil:
		difference, err = state.Check(ctx, reader.schema, reader)
	case reader.schema == state.Schema:
		difference, err = compareDigests(ctx, state, reader)
	default:
		return status.Errorf(codes.Unimplemented,
			"the state has schema %d, the plugin's own %d, and there is no State.Check", reader.schema, state.Schema)
	}
	if err := reader.use("State.Check", err); err != nil {
		return err
	}
	return stream.SendAndClose(&lifecyclev1.CheckResponse{Same: difference == "", Difference: difference})
}

func (s *service) state() (*State, error) {
	if state := s.lifecycle.options.State; state != nil {
		return state, nil
	}
	return nil, status.Error(codes.Unimplemented, "the plugin keeps no state")
}

// compareDigests compares the state that comes with one that is written now.
func compareDigests(ctx context.Context, state *State, reader *snapshotReader) (string, error) {
	if _, err := io.Copy(io.Discard, reader); err != nil {
		return "", err
	}
	own := sha256.New()
	if err := state.Snapshot(ctx, own); err != nil {
		return "", err
	}
	if bytes.Equal(own.Sum(nil), reader.digest.Sum(nil)) {
		return "", nil
	}
	return "a snapshot of the restored state has other bytes", nil
}

// openSnapshot reads the header, and refuses what the plugin can't read.
func openSnapshot(state *State, next func() (part, error)) (*snapshotReader, error) {
	reader, err := newSnapshotReader(next)
	if err != nil {
		return nil, err
	}
	if readable := state.restores(); !slices.Contains(readable, reader.schema) {
		return nil, stateSchemaUnknown.error(
			"the state has schema %d; the plugin restores %v", reader.schema, readable)
	}
	return reader, nil
}
