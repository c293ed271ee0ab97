package main

import (
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// history is written by hand: each call's time is given by how many marks there were before.
type history []entry

func number(n int64) *int64 { return &n }

func (h *history) add(key string, value, answer, begin, end int64) *entry {
	*h = append(*h, entry{
		Op: add, Key: key, Value: number(value), Answer: number(answer), Status: ok, Begin: number(begin), End: number(end),
	})
	return &(*h)[len(*h)-1]
}

func (h *history) get(key string, answer, begin, end int64) {
	*h = append(*h, entry{Op: get, Key: key, Answer: number(answer), Status: ok, Begin: number(begin), End: number(end)})
}

// lost is an add whose answer nobody has.
func (h *history) lost(status, key string, value, begin, end int64) {
	one := h.add(key, value, 0, begin, end)
	one.Answer, one.Status = nil, status
}

func (h history) expect(t *testing.T, wrong ...string) {
	t.Helper()
	found := check(h, 20*time.Second)
	var keys []string
	for _, one := range found.Wrong {
		keys = append(keys, one.Key)
	}
	if found.Linearizable == nil || *found.Linearizable != (len(wrong) == 0) || !slices.Equal(keys, wrong) {
		t.Helper()
		t.Fatalf("%+v", found)
	}
}

func TestWhatOneCounterExplainsIsLinearizable(t *testing.T) {
	var h history
	h.expect(t)
	h.get("a", 0, 0, 1)
	h.add("a", 5, 5, 2, 3)
	h.add("b", 1, 1, 2, 3)
	h.get("a", 5, 4, 5)
	// At the same time, in an order that only the answers tell.
	h.add("a", 1, 8, 6, 10)
	h.add("a", 2, 7, 6, 10)
	h.get("a", 5, 6, 10)
	h.get("a", 7, 6, 10)
	h.get("a", 8, 11, 12)
	h.expect(t)
}

func TestADoubledAddIsFound(t *testing.T) {
	var h history
	h.add("a", 5, 5, 0, 1)
	h.get("a", 10, 2, 3)
	h.add("b", 1, 1, 0, 1)
	h.add("b", 1, 3, 2, 3)
	h.add("c", 1, 1, 0, 1)
	h.expect(t, "a", "b")
	first := check(h, time.Minute).Wrong[0]
	if first.Entry != 2 || *first.Call.Answer != 10 {
		t.Fatalf("%+v", first)
	}
}

func TestALostAddIsFound(t *testing.T) {
	var h history
	h.add("a", 5, 5, 0, 1)
	h.add("a", 2, 2, 2, 3)
	h.add("b", 1, 1, 0, 1)
	h.get("b", 0, 2, 3)
	h.expect(t, "a", "b")
}

func TestAStaleAnswerIsFound(t *testing.T) {
	var h history
	h.add("a", 5, 5, 0, 1)
	h.add("a", 2, 7, 2, 3)
	h.get("a", 5, 4, 5)
	// What was read cannot be unread, even while the add is under way.
	h.add("b", 1, 1, 0, 9)
	h.get("b", 1, 1, 2)
	h.get("b", 0, 3, 4)
	h.expect(t, "a", "b")
	if wrong := check(h, time.Minute).Wrong; wrong[0].Entry != 3 || wrong[1].Entry != 6 {
		t.Fatalf("%+v", wrong)
	}
}

func TestTwoAddsWithOneAnswerAreFound(t *testing.T) {
	var h history
	h.add("a", 1, 1, 0, 5)
	h.add("a", 1, 1, 0, 5)
	h.expect(t, "a")
}

func TestWhatIsUnknownMayHaveHappenedOrNot(t *testing.T) {
	var happened, late, never history
	for _, h := range []*history{&happened, &late, &never} {
		h.add("a", 5, 5, 0, 1)
		h.lost(unknown, "a", 2, 2, 3)
	}
	happened.get("a", 7, 4, 5)
	happened.expect(t)
	// Nobody has seen its end.
	late.get("a", 5, 4, 5)
	late.get("a", 7, 6, 7)
	late.expect(t)
	never.get("a", 5, 4, 5)
	never.expect(t)

	for _, answer := range []int64{9, 2} {
		twice := append(history(nil), happened...)
		twice.get("a", answer, 6, 7)
		twice.expect(t, "a")
	}
	undone := append(history(nil), happened...)
	undone.get("a", 5, 6, 7)
	undone.expect(t, "a")
	early := append(history(nil), never...)
	early.get("a", 7, 0, 1)
	early.expect(t, "a")
}

func TestWhatFailedSurelyDidNotHappen(t *testing.T) {
	var h history
	h.add("a", 5, 5, 0, 1)
	h.lost(failed, "a", 2, 2, 3)
	h.get("a", 5, 4, 5)
	h.expect(t)
	h.get("a", 7, 6, 7)
	h.expect(t, "a")
}

func TestItCountsWhatItWasGiven(t *testing.T) {
	var h history
	h.add("a", 5, 5, 0, 1)
	h.lost(failed, "a", 2, 2, 3)
	h.lost(unknown, "b", 2, 2, 3)
	h = append(h, entry{Op: get, Key: "c", Status: unknown, Begin: number(1)})
	found := check(h, time.Minute)
	if found.Operations != 4 || found.Keys != 3 || found.Unknown != 2 || found.Failed != 1 {
		t.Fatalf("%+v", found)
	}
}

// kept is a real counter, with callers at the same time; what goes wrong goes wrong now and then.
type kept struct {
	mutex  sync.Mutex
	values map[string]int64
	// early is a copy of the values.
	early map[string]int64
	wrong string
}

func (k *kept) add(key string, value int64, bad bool) int64 {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	switch {
	case bad && k.wrong == "double":
		k.values[key] += 2 * value
		return k.values[key] - value
	case bad && k.wrong == "lose":
		return k.values[key] + value
	}
	k.values[key] += value
	return k.values[key]
}

func (k *kept) get(key string, bad bool) int64 {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if bad && k.early == nil {
		k.early = maps.Clone(k.values)
	}
	if bad && k.wrong == "stale" {
		return k.early[key]
	}
	return k.values[key]
}

// recorded is what 16 callers saw of it, some of whose answers never came.
func recorded(t *testing.T, wrong string) []entry {
	t.Helper()
	k := &kept{values: make(map[string]int64), wrong: wrong}
	begin := time.Now()
	now := func() *int64 { return number(time.Since(begin).Nanoseconds()) }
	var mutex sync.Mutex
	var entries []entry
	var callers sync.WaitGroup
	var adds, gets atomic.Int64
	for client := range 16 {
		callers.Add(1)
		go func() {
			defer callers.Done()
			random := rand.New(rand.NewSource(int64(client)))
			for range 500 {
				one := entry{Client: client, Op: get, Key: fmt.Sprint("key ", random.Intn(4)), Status: ok, Begin: now()}
				if random.Intn(2) == 0 {
					one.Op, one.Value = add, number(1+random.Int63n(9))
					one.Answer = number(k.add(one.Key, *one.Value, adds.Add(1)%1000 == 500))
				} else {
					one.Answer = number(k.get(one.Key, gets.Add(1)%500 == 250))
				}
				one.End = now()
				if random.Intn(200) == 0 {
					one.Status, one.Answer = unknown, nil
				}
				mutex.Lock()
				entries = append(entries, one)
				mutex.Unlock()
			}
		}()
	}
	callers.Wait()
	return entries
}

func TestALongHistoryWithManyCallersIsDecided(t *testing.T) {
	found := check(recorded(t, ""), time.Minute)
	if found.Linearizable == nil || !*found.Linearizable || found.Operations != 8000 || found.Unknown == 0 {
		t.Fatalf("%+v", found)
	}
}

func TestManyCallsOfOneKeyAreDecidedThoughSomeAnswersNeverCame(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	var h history
	var held int64
	for index := range int64(5000) {
		// About sixty at the same time.
		begin, end := 100*index-random.Int63n(3000), 100*index+random.Int63n(3000)
		value := 1 + random.Int63n(9)
		switch {
		case random.Intn(3) == 0:
			h.get("a", held, begin, end)
		case index%250 == 0:
			held += value
			h.lost(unknown, "a", value, begin, end)
		default:
			held += value
			h.add("a", value, held, begin, end)
		}
	}
	random.Shuffle(len(h), func(i, j int) { h[i], h[j] = h[j], h[i] })
	h.expect(t)
	h.get("a", held-1, 600_000, 600_001)
	h.expect(t, "a")
	if wrong := check(h, time.Minute).Wrong; wrong[0].Entry != len(h) {
		t.Fatalf("%+v", wrong)
	}
}

func TestWhatGoesWrongOnlyNowAndThenIsFoundAmongManyCallers(t *testing.T) {
	for _, wrong := range []string{"double", "lose", "stale"} {
		found := check(recorded(t, wrong), time.Minute)
		if found.Linearizable == nil || *found.Linearizable {
			t.Errorf("%s: %+v", wrong, found)
		}
	}
}

func TestWithoutTimeNothingIsSaid(t *testing.T) {
	found := check(recorded(t, ""), 0)
	if found.Linearizable != nil || len(found.Undecided) != 4 {
		t.Fatalf("%+v", found)
	}
}
