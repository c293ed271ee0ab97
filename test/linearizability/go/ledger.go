package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// entry is one line of the ledger: a call as its caller saw it.
type entry struct {
	Client int    `json:"client"`
	Op     string `json:"op"`
	Key    string `json:"key"`
	// Value is what an add adds.
	Value *int64 `json:"value,omitempty"`
	// Answer is what the key holds, after the add. Null where none came.
	Answer *int64 `json:"answer"`
	Status string `json:"status"`
	// Begin and End are of one monotonic clock, in nanoseconds. A call that never ended has no end.
	Begin *int64 `json:"begin"`
	End   *int64 `json:"end"`
}

const (
	add = "add"
	get = "get"

	// The answer came.
	ok = "ok"
	// It may have been executed, at some time after it began, or not at all.
	unknown = "unknown"
	// It was surely not executed.
	failed = "failed"
)

func readLedger(from io.Reader) ([]entry, error) {
	decoder := json.NewDecoder(from)
	// A field that is misspelt would be one that is missing.
	decoder.DisallowUnknownFields()
	var entries []entry
	for {
		var one entry
		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err == nil {
			err = one.check()
		}
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", len(entries)+1, err)
		}
		entries = append(entries, one)
	}
}

func (e entry) check() error {
	switch {
	case e.Op != add && e.Op != get:
		return fmt.Errorf("op is %q, not %s or %s", e.Op, add, get)
	case e.Op == add && e.Value == nil:
		return errors.New("an add has a value")
	case e.Begin == nil:
		return errors.New("begin is missing")
	case e.End != nil && *e.End < *e.Begin:
		return errors.New("it ends before it begins")
	}
	switch e.Status {
	case ok:
		if e.Answer == nil || e.End == nil {
			return errors.New("what is ok has an answer and an end")
		}
	case unknown, failed:
		if e.Answer != nil {
			return fmt.Errorf("what is %s has no answer", e.Status)
		}
	default:
		return fmt.Errorf("status is %q, not %s, %s or %s", e.Status, ok, unknown, failed)
	}
	return nil
}
