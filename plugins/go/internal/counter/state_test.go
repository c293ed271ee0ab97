package counter

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	counterv1 "plugd.invalid/plugins/gen/samples/counter/v1"
)

func filled(count int32) *Store {
	store := NewStore()
	values := make(map[string]int32)
	for i := range count {
		values[fmt.Sprintf("key %d", i)] = i
	}
	store.replace(values)
	return store
}

func TestEachVersionReadsWhatEachWrites(t *testing.T) {
	ctx := context.Background()
	versions := []string{"1.0.0", "2.0.0", "10.0.0"}
	for _, from := range versions {
		for _, to := range versions {
			old, next := filled(30), filled(3)
			var snapshot bytes.Buffer
			if err := old.State(from).Snapshot(ctx, &snapshot); err != nil {
				t.Fatal(err)
			}
			data, schema := snapshot.Bytes(), old.State(from).Schema
			if said, err := next.State(to).Check(ctx, schema, bytes.NewReader(data)); said == "" || err != nil {
				t.Fatal("before it was restored nothing differs", err)
			}
			if err := next.State(to).Restore(ctx, schema, bytes.NewReader(data)); err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(old.copy(), next.copy()) {
				t.Fatalf("from %s to %s: %v", from, to, next.copy())
			}
			if said, err := next.State(to).Check(ctx, schema, bytes.NewReader(data)); said != "" || err != nil {
				t.Fatal(said, err)
			}
		}
	}
}

func TestEqualStatesHaveEqualBytes(t *testing.T) {
	for schema := uint32(1); schema <= 2; schema++ {
		first, err := encode(schema, filled(50).copy())
		if err != nil {
			t.Fatal(err)
		}
		second, err := encode(schema, filled(50).copy())
		if err != nil || !bytes.Equal(first, second) {
			t.Fatal(schema, err)
		}
	}
}

func TestAStateThatIsNoneLeavesTheStoreAsItWas(t *testing.T) {
	uneven, err := proto.Marshal(&counterv1.CounterStateV1{Keys: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	store := filled(3)
	for _, data := range []string{string(uneven), "\xff\xff"} {
		if err := store.State("1.0.0").Restore(context.Background(), 1, strings.NewReader(data)); err == nil {
			t.Fatalf("%q was taken over", data)
		}
	}
	if !maps.Equal(store.copy(), filled(3).copy()) {
		t.Fatal(store.copy())
	}
}
