package main

import (
	"math"
	"math/rand"
	"testing"

	"github.com/anishathalye/porcupine"
)

// guessed is a short history of calls at the same time, whose answers are mostly those of a counter.
func guessed(random *rand.Rand) []porcupine.Operation {
	var calls []porcupine.Operation
	var held int64
	for index := range 2 + random.Intn(8) {
		moment := int64(10 * index)
		one := entry{Op: get, Key: "a", Status: ok, Begin: number(moment - random.Int63n(40)), End: number(moment + random.Int63n(40))}
		happened := random.Intn(8) > 0
		if random.Intn(3) > 0 {
			one.Op, one.Value = add, number(1+random.Int63n(4))
			if happened {
				held += *one.Value
			}
		}
		one.Answer = number(held)
		switch random.Intn(12) {
		case 0, 1:
			one.Status, one.Answer, one.End = unknown, nil, nil
		case 2:
			*one.Answer += random.Int63n(5) - 2
		}
		if call, says := operation(index, one); says {
			calls = append(calls, call)
		}
	}
	return calls
}

func TestWhatAnswersTellOfTheWaySparesOnlyWork(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	counts := make(map[porcupine.CheckResult]int)
	for range 20_000 {
		calls := guessed(random)
		plain := porcupine.CheckOperationsTimeout(along(nowhere), calls, math.MaxInt64)
		if got := porcupine.CheckOperationsTimeout(modelOf(calls), calls, math.MaxInt64); got != plain {
			for _, one := range calls {
				t.Logf("%+v", one)
			}
			t.Fatalf("%v, not %v", got, plain)
		}
		counts[plain]++
	}
	if counts[porcupine.Ok] < 2_000 || counts[porcupine.Illegal] < 2_000 {
		t.Fatal("the histories are all alike", counts)
	}
}
