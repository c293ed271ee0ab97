package main

import (
	"slices"

	"github.com/anishathalye/porcupine"
)

// held is what a key holds between two of its calls.
type held struct {
	number int64
	// reads are those that got this number. They count only where numbers never come again.
	reads int
}

// modelOf is a counter for these calls of one key: it begins at 0, and an add answers with the sum. Of what is unknown
// any answer will do.
func modelOf(calls []porcupine.Operation) porcupine.Model { return along(pathOf(calls)) }

func along(path *path) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return held{} },
		Step: func(state, input, _ any) (bool, any) {
			at, call := state.(held), input.(entry)
			if call.Op == get {
				return *call.Answer == at.number, held{at.number, at.reads + path.one}
			}
			next := at.number + *call.Value
			if call.Status == ok && *call.Answer != next {
				return false, at
			}
			return path == nowhere || path.allows(at, call), held{number: next}
		},
	}
}

// path is what answers tell of the way of a number that only grows. Without it the search would try each of many calls
// at the same time before each other one, and each whose answer never came at any time; with it there is hardly a choice.
type path struct {
	// one is 1: reads are counted.
	one int
	// reads are how many got a number.
	reads map[int64]int
	// stops are the numbers, in order, that were there between two calls, as their answers say; leaps those of them
	// from which an add went on whose answer came.
	stops []int64
	leaps map[int64]bool
}

// nowhere is the path of a number that may come again.
var nowhere = &path{}

func pathOf(calls []porcupine.Operation) *path {
	found := &path{one: 1, reads: make(map[int64]int), leaps: make(map[int64]bool)}
	for _, one := range calls {
		call := one.Input.(entry)
		if call.Op == add && *call.Value <= 0 {
			return nowhere
		}
		if call.Status != ok {
			continue
		}
		found.stops = append(found.stops, *call.Answer)
		if call.Op == get {
			found.reads[*call.Answer]++
			continue
		}
		before := *call.Answer - *call.Value
		found.stops = append(found.stops, before)
		found.leaps[before] = true
	}
	slices.Sort(found.stops)
	found.stops = slices.Compact(found.stops)
	return found
}

// allows says whether the number may go on by this add: not before all have read it that did, and by one whose answer
// never came only where no other went on, and not past what others saw.
func (p *path) allows(at held, call entry) bool {
	if at.reads < p.reads[at.number] {
		return false
	}
	if call.Status == ok {
		return true
	}
	if p.leaps[at.number] {
		return false
	}
	next, _ := slices.BinarySearch(p.stops, at.number+1)
	return next == len(p.stops) || at.number+*call.Value <= p.stops[next]
}
