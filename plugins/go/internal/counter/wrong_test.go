package counter

import (
	"bytes"
	"context"
	"testing"

	"google.golang.org/grpc"

	counterv1 "plugd.invalid/plugins/gen/samples/counter/v1"
)

// served is a counter with a mistake, called as its gRPC server calls it.
type served struct {
	t     *testing.T
	wrong *Wrong
}

func serve(t *testing.T, mistake Mistake) *served {
	t.Helper()
	wrong, err := NewWrong(string(mistake), NewStore())
	if err != nil {
		t.Fatal(err)
	}
	return &served{t, wrong}
}

func (s *served) call(request any, handle func() any) any {
	s.t.Helper()
	handler := func(context.Context, any) (any, error) { return handle(), nil }
	answer, err := s.wrong.Intercept(context.Background(), request, &grpc.UnaryServerInfo{}, handler)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer
}

func (s *served) put(key string, value int32) {
	s.t.Helper()
	s.call(&counterv1.PutRequest{Key: key, Value: value}, func() any {
		if err := s.wrong.store.update(key, func(old int32) (int32, error) { return old + value, nil }); err != nil {
			s.t.Fatal(err)
		}
		return &counterv1.PutResponse{}
	})
}

func (s *served) get(key string) int32 {
	s.t.Helper()
	answer := s.call(&counterv1.GetRequest{Key: key}, func() any {
		value, found := s.wrong.store.get(key)
		return &counterv1.GetResponse{Value: value, Found: found}
	})
	return answer.(*counterv1.GetResponse).GetValue()
}

func TestEachMistakeShowsOnlyAfterAHandoffAndPassesItsCheck(t *testing.T) {
	ctx := context.Background()
	for mistake, wanted := range map[Mistake]int32{Double: 5 + 2 + 2 + 1, Lose: 5 + 1, Stale: 5 + 2} {
		old, next := serve(t, mistake), serve(t, mistake)
		old.put("a", 5)
		old.put("a", 2)
		if got := old.get("a"); got != 7 {
			t.Errorf("%s: %d before the handoff", mistake, got)
		}
		var snapshot bytes.Buffer
		state := old.wrong.State("1.0.0")
		if err := state.Snapshot(ctx, &snapshot); err != nil {
			t.Fatal(err)
		}
		to := next.wrong.State("2.0.0")
		if err := to.Restore(ctx, state.Schema, bytes.NewReader(snapshot.Bytes())); err != nil {
			t.Fatal(err)
		}
		said, err := to.Check(ctx, state.Schema, bytes.NewReader(snapshot.Bytes()))
		if said != "" || err != nil {
			t.Errorf("%s: %s, %v", mistake, said, err)
		}
		next.put("a", 1)
		if got := next.get("a"); got != wanted {
			t.Errorf("%s: %d after it", mistake, got)
		}
	}
	if _, err := NewWrong("", NewStore()); err == nil {
		t.Error("no mistake is one")
	}
}
