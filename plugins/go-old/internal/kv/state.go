package kv

import (
	"context"
	"encoding/json"
	"io"

	"plugd.invalid/plugd"
)

// State is all keys with their values, in JSON.
func (s *Service) State() *plugd.State {
	return &plugd.State{
		Schema: 1,
		Snapshot: func(_ context.Context, w io.Writer) error {
			s.mutex.Lock()
			data, err := json.Marshal(s.values)
			s.mutex.Unlock()
			if err != nil {
				return err
			}
			_, err = w.Write(data)
			return err
		},
		Restore: func(_ context.Context, _ uint32, r io.Reader) error {
			values := make(map[string][]byte)
			if err := json.NewDecoder(r).Decode(&values); err != nil {
				return err
			}
			s.mutex.Lock()
			defer s.mutex.Unlock()
			s.values = values
			return nil
		},
	}
}
