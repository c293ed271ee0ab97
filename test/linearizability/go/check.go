package main

import (
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// verdict is what is printed. Linearizable is null where the time was over before it could be said.
type verdict struct {
	Linearizable *bool `json:"linearizable"`
	Operations   int   `json:"operations"`
	Keys         int   `json:"keys"`
	Unknown      int   `json:"unknown"`
	Failed       int   `json:"failed"`
	// Wrong has for each key that no order explains the first call that fits in none; Undecided the keys whose time was
	// over.
	Wrong     []finding `json:"wrong"`
	Undecided []string  `json:"undecided"`
	ElapsedMs int64     `json:"elapsedMs"`
}

type finding struct {
	Key string `json:"key"`
	// Entry counts from 1: the line of the ledger, where each is on a line of its own. 0 where it was not found in time.
	Entry int `json:"entry"`
	// Call is what the entry says.
	Call *entry `json:"call,omitempty"`
}

// counter is one key: its number. All keys begin at 0, and an add answers with the sum.
var counter = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, input, output any) (bool, any) {
		held, call := state.(int64), input.(entry)
		if call.Op == add {
			held += *call.Value
		}
		// Of what is unknown any answer will do.
		return call.Status == unknown || *call.Answer == held, held
	},
}

// check says for each key whether there is an order of its calls, each at a moment between its begin and its end, in
// which one counter would have answered them so. What is unknown may have happened at any time from its begin on, or
// never, which is the same as after all others.
func check(entries []entry, limit time.Duration) verdict {
	begin := time.Now()
	found := verdict{Operations: len(entries), Wrong: []finding{}, Undecided: []string{}}
	byKey := make(map[string][]porcupine.Operation)
	var keys []string
	for index, one := range entries {
		if _, seen := byKey[one.Key]; !seen {
			keys = append(keys, one.Key)
			byKey[one.Key] = nil
		}
		switch one.Status {
		case failed:
			found.Failed++
			continue
		case unknown:
			found.Unknown++
			if one.Op == get {
				continue
			}
		}
		end := int64(math.MaxInt64)
		if one.Status == ok {
			end = *one.End
		}
		byKey[one.Key] = append(byKey[one.Key], porcupine.Operation{
			ClientId: one.Client, Input: one, Call: *one.Begin, Output: index, Return: end,
		})
	}
	found.Keys = len(keys)
	slices.Sort(keys)
	patience := explanation
	for _, key := range keys {
		left := limit - time.Since(begin)
		if left <= 0 {
			found.Undecided = append(found.Undecided, key)
			continue
		}
		switch porcupine.CheckOperationsTimeout(counter, byKey[key], left) {
		case porcupine.Illegal:
			asked := time.Now()
			found.Wrong = append(found.Wrong, firstWrong(key, byKey[key], patience))
			patience -= time.Since(asked)
		case porcupine.Unknown:
			found.Undecided = append(found.Undecided, key)
		}
	}
	if len(found.Wrong) > 0 || len(found.Undecided) == 0 {
		linearizable := len(found.Wrong) == 0
		found.Linearizable = &linearizable
	}
	found.ElapsedMs = time.Since(begin).Milliseconds()
	return found
}

// explanation is how long the search may take for what is wrong, in all keys of which it is known that something is.
const explanation = 10 * time.Second

// firstWrong is the call that ended first of those that do not fit into the longest order that was found.
// Without patience it is left open.
func firstWrong(key string, operations []porcupine.Operation, patience time.Duration) finding {
	if patience <= 0 {
		return finding{Key: key}
	}
	var longest []int
	// Its book-keeping is too much for what is in order.
	_, information := porcupine.CheckOperationsVerbose(counter, operations, patience)
	for _, partition := range information.PartialLinearizations() {
		for _, order := range partition {
			if len(order) > len(longest) {
				longest = order
			}
		}
	}
	fits := make(map[int]bool)
	for _, index := range longest {
		fits[index] = true
	}
	var first *porcupine.Operation
	for index := range operations {
		one := &operations[index]
		if !fits[index] && (first == nil || one.Return < first.Return) {
			first = one
		}
	}
	if first == nil {
		return finding{Key: key}
	}
	call := first.Input.(entry)
	return finding{Key: key, Entry: first.Output.(int) + 1, Call: &call}
}
