package main

import (
	"cmp"
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
	// Wrong has the keys that no order explains; Undecided those whose time was over.
	Wrong     []misfit `json:"wrong"`
	Undecided []string `json:"undecided"`
	ElapsedMs int64    `json:"elapsedMs"`
}

// misfit is the call of a key with whose answer there was no order any more: all that had been answered before it could
// still be explained.
type misfit struct {
	Key string `json:"key"`
	// Entry counts from 1: the line of the ledger, where each is on a line of its own. 0 where it was not found in time.
	Entry int `json:"entry"`
	// Call is what the entry says.
	Call *entry `json:"call,omitempty"`
}

// explanation is how long the search for misfits may take, in all keys of which it is known that they are wrong.
const explanation = 10 * time.Second

// check says for each key whether there is an order of its calls, each at a moment between its begin and its end, in
// which one counter would have answered them so. What is unknown may have happened at any time from its begin on, or
// never, which is the same as after all others.
func check(entries []entry, limit time.Duration) verdict {
	begin := time.Now()
	found := verdict{Operations: len(entries), Wrong: []misfit{}, Undecided: []string{}}
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
		case unknown:
			found.Unknown++
		}
		if call, counts := operation(index, one); counts {
			byKey[one.Key] = append(byKey[one.Key], call)
		}
	}
	found.Keys = len(keys)
	slices.Sort(keys)
	patience := explanation
	for _, key := range keys {
		switch decide(byKey[key], limit-time.Since(begin)) {
		case porcupine.Illegal:
			asked := time.Now()
			found.Wrong = append(found.Wrong, findMisfit(key, byKey[key], patience))
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

// operation is how porcupine sees an entry, with its place in the ledger as its output; false for one that says nothing.
func operation(index int, one entry) (porcupine.Operation, bool) {
	end := int64(math.MaxInt64)
	if one.Status == ok {
		end = *one.End
	}
	says := one.Status == ok || (one.Status == unknown && one.Op == add)
	return porcupine.Operation{ClientId: one.Client, Input: one, Call: *one.Begin, Output: index, Return: end}, says
}

func decide(calls []porcupine.Operation, limit time.Duration) porcupine.CheckResult {
	if limit <= 0 {
		// To porcupine it would be no limit.
		return porcupine.Unknown
	}
	return porcupine.CheckOperationsTimeout(modelOf(calls), calls, limit)
}

// findMisfit looks for the end up to which there still was an order, among those of all calls.
func findMisfit(key string, calls []porcupine.Operation, patience time.Duration) misfit {
	due := time.Now().Add(patience)
	var ends []porcupine.Operation
	for _, one := range calls {
		if one.Input.(entry).Status == ok {
			ends = append(ends, one)
		}
	}
	slices.SortStableFunc(ends, func(a, b porcupine.Operation) int { return cmp.Compare(a.Return, b.Return) })
	// The whole is wrong, so one of the ends is the first.
	from, to := 0, len(ends)-1
	for from < to {
		middle := (from + to) / 2
		switch decide(until(ends[middle].Return, calls), time.Until(due)) {
		case porcupine.Ok:
			from = middle + 1
		case porcupine.Illegal:
			to = middle
		default:
			return misfit{Key: key}
		}
	}
	if to < 0 {
		return misfit{Key: key}
	}
	call := ends[to].Input.(entry)
	return misfit{Key: key, Entry: ends[to].Output.(int) + 1, Call: &call}
}

// until is what was known at this moment.
func until(moment int64, calls []porcupine.Operation) []porcupine.Operation {
	var known []porcupine.Operation
	for _, one := range calls {
		if one.Call > moment {
			continue
		}
		if one.Return <= moment {
			known = append(known, one)
			continue
		}
		open := one.Input.(entry)
		open.Status, open.Answer, open.End = unknown, nil, nil
		if call, says := operation(one.Output.(int), open); says {
			known = append(known, call)
		}
	}
	return known
}
