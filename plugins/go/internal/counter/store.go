// Package counter is the sample that calls back: samples.counter.v1.Counter and the sessions that it opens.
package counter

import (
	"maps"
	"sync"
)

// Store keeps one number a key. It outlives a version that hands it over.
type Store struct {
	mutex   sync.Mutex
	values  map[string]int32
	writing map[string]*sync.Mutex
}

// NewStore returns a store without keys.
func NewStore() *Store {
	return &Store{values: make(map[string]int32), writing: make(map[string]*sync.Mutex)}
}

func (s *Store) get(key string) (value int32, found bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	value, found = s.values[key]
	return value, found
}

// update stores what the function makes of the old number, unless it fails. Updates of one key wait for each
// other, so that no addition is lost; readers wait for none.
func (s *Store) update(key string, next func(old int32) (int32, error)) error {
	s.mutex.Lock()
	writing, found := s.writing[key]
	if !found {
		writing = &sync.Mutex{}
		s.writing[key] = writing
	}
	s.mutex.Unlock()

	writing.Lock()
	defer writing.Unlock()
	old, _ := s.get(key)
	value, err := next(old)
	if err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.values[key] = value
	return nil
}

// copy is all numbers as they are at one moment.
func (s *Store) copy() map[string]int32 {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return maps.Clone(s.values)
}

// replace puts all numbers in the place of those that are there.
func (s *Store) replace(values map[string]int32) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.values = values
}
