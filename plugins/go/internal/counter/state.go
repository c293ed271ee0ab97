package counter

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"plugd.invalid/plugd"
	counterv1 "plugd.invalid/plugins/gen/samples/counter/v1"
)

// State is how the store goes from one version to another: versions 1 write schema 1, later ones schema 2, and each
// reads both. COUNTER_SNAPSHOT_EVERY=1s asks the host to keep it that often, for a crash; what can't be read asks for nothing.
func (s *Store) State(version string) *plugd.State {
	schema := uint32(2)
	if strings.HasPrefix(version, "1.") {
		schema = 1
	}
	every, _ := time.ParseDuration(os.Getenv("COUNTER_SNAPSHOT_EVERY"))
	return &plugd.State{
		Schema:        schema,
		Restores:      []uint32{1, 2},
		SnapshotEvery: every,
		Snapshot: func(_ context.Context, w io.Writer) error {
			data, err := encode(schema, s.copy())
			if err != nil {
				return err
			}
			_, err = w.Write(data)
			return err
		},
		Restore: func(_ context.Context, from uint32, r io.Reader) error {
			values, err := decode(from, r)
			if err != nil {
				return err
			}
			s.replace(values)
			return nil
		},
		Check: func(_ context.Context, from uint32, r io.Reader) (string, error) {
			values, err := decode(from, r)
			if err != nil {
				return "", err
			}
			return difference(values, s.copy()), nil
		},
	}
}

func encode(schema uint32, values map[string]int32) ([]byte, error) {
	keys := slices.Sorted(maps.Keys(values))
	var state proto.Message
	if schema == 1 {
		first := &counterv1.CounterStateV1{Keys: keys}
		for _, key := range keys {
			first.Values = append(first.Values, values[key])
		}
		state = first
	} else {
		second := &counterv1.CounterStateV2{}
		for _, key := range keys {
			second.Entries = append(second.Entries, &counterv1.CounterEntry{Key: key, Value: values[key]})
		}
		state = second
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(state)
}

func decode(schema uint32, r io.Reader) (map[string]int32, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	values := make(map[string]int32)
	if schema == 1 {
		var first counterv1.CounterStateV1
		if err := proto.Unmarshal(data, &first); err != nil {
			return nil, err
		}
		if len(first.GetKeys()) != len(first.GetValues()) {
			return nil, fmt.Errorf("%d keys have %d values", len(first.GetKeys()), len(first.GetValues()))
		}
		for i, key := range first.GetKeys() {
			values[key] = first.GetValues()[i]
		}
		return values, nil
	}
	var second counterv1.CounterStateV2
	if err := proto.Unmarshal(data, &second); err != nil {
		return nil, err
	}
	for _, entry := range second.GetEntries() {
		values[entry.GetKey()] = entry.GetValue()
	}
	return values, nil
}

// difference says how many numbers differ, without saying which.
func difference(wanted, held map[string]int32) string {
	if len(wanted) != len(held) {
		return fmt.Sprintf("there are %d keys, not %d", len(held), len(wanted))
	}
	count := 0
	for key, value := range wanted {
		if own, found := held[key]; !found || own != value {
			count++
		}
	}
	if count == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d keys differ", count, len(wanted))
}
