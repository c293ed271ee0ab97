package counter

import (
	"context"
	"fmt"
	"io"
	"sync"

	"google.golang.org/grpc"

	"plugd.invalid/plugd"
	counterv1 "plugd.invalid/plugins/gen/samples/counter/v1"
)

// Wrong makes one mistake when a store is handed over, which the SDK's and the host's own checks can't see: a digest
// is right for what was written, not for what should have been. It is there to be found by those who count.
type Wrong struct {
	mistake Mistake
	store   *Store
	mutex   sync.Mutex
	// last is what the last Put added.
	last struct {
		key   string
		added int32
	}
	// restored is what a restore brought. Nil before.
	restored map[string]int32
}

// Mistake is what a Wrong does.
type Mistake string

const (
	// Double: the last addition is in the snapshot twice.
	Double Mistake = "double"
	// Lose: it is not in the snapshot.
	Lose Mistake = "lose"
	// Stale: Get answers as of the restore, whatever was added since.
	Stale Mistake = "stale"
)

// NewWrong fails for a mistake that it doesn't know.
func NewWrong(mistake string, store *Store) (*Wrong, error) {
	switch known := Mistake(mistake); known {
	case Double, Lose, Stale:
		return &Wrong{mistake: known, store: store}, nil
	}
	return nil, fmt.Errorf("%q is no mistake: %s, %s and %s are", mistake, Double, Lose, Stale)
}

// State is that of the store, with the mistake.
func (w *Wrong) State(version string) *plugd.State {
	state := w.store.State(version)
	restore := state.Restore
	state.Snapshot = func(_ context.Context, to io.Writer) error {
		data, err := encode(state.Schema, w.mistaken())
		if err != nil {
			return err
		}
		_, err = to.Write(data)
		return err
	}
	state.Restore = func(ctx context.Context, schema uint32, r io.Reader) error {
		if err := restore(ctx, schema, r); err != nil {
			return err
		}
		w.mutex.Lock()
		defer w.mutex.Unlock()
		w.restored = w.store.copy()
		return nil
	}
	return state
}

func (w *Wrong) mistaken() map[string]int32 {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	values := w.store.copy()
	if _, found := values[w.last.key]; !found {
		return values
	}
	switch w.mistake {
	case Double:
		values[w.last.key] += w.last.added
	case Lose:
		values[w.last.key] -= w.last.added
	}
	return values
}

// Intercept sees the calls, inside of the SDK's own interceptors: what a Put added is noted before a Pause is answered.
func (w *Wrong) Intercept(
	ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
) (any, error) {
	answer, err := handler(ctx, request)
	if err != nil {
		return answer, err
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	switch asked := request.(type) {
	case *counterv1.PutRequest:
		w.last.key, w.last.added = asked.GetKey(), asked.GetValue()
	case *counterv1.GetRequest:
		if got, ok := answer.(*counterv1.GetResponse); ok && w.mistake == Stale && w.restored != nil {
			got.Value, got.Found = w.restored[asked.GetKey()], true
		}
	}
	return answer, nil
}
