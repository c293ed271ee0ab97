// Package kv is the sample key-value store: samples.kv.v1.Kv with all four kinds of call.
package kv

import "sync"

// store keeps values in memory; they are gone with the process.
type store struct {
	mutex  sync.RWMutex
	values map[string][]byte
}

func newStore() *store {
	return &store{values: make(map[string][]byte)}
}

func (s *store) get(key string) (value []byte, found bool) {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	value, found = s.values[key]
	return value, found
}

func (s *store) put(key string, value []byte) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.values[key] = value
}
