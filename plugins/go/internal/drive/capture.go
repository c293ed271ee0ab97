package drive

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/hashicorp/go-hclog"
)

// buffer collects what go-plugin writes to it from its own goroutines.
type buffer struct {
	mutex sync.Mutex
	bytes bytes.Buffer
}

func (b *buffer) Write(data []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.bytes.Write(data)
}

func (b *buffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.bytes.String()
}

// record is one line that go-plugin gave to the host's logger: its own, or one that it read from the plugin.
type record struct {
	Name    string         `json:"name"`
	Level   string         `json:"level"`
	Message string         `json:"message"`
	Fields  map[string]any `json:"fields"`
}

// recorder is an hclog sink that keeps every record.
type recorder struct {
	mutex   sync.Mutex
	records []record
}

var _ hclog.SinkAdapter = (*recorder)(nil)

func (r *recorder) Accept(name string, level hclog.Level, message string, pairs ...any) {
	fields := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		fields[fmt.Sprint(pairs[i])] = plain(pairs[i+1])
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.records = append(r.records, record{Name: name, Level: level.String(), Message: message, Fields: fields})
}

// all returns a copy of what was recorded so far, never nil.
func (r *recorder) all() []record {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]record{}, r.records...)
}

func (r *recorder) contains(message string) bool {
	for _, entry := range r.all() {
		if entry.Message == message {
			return true
		}
	}
	return false
}

// plain keeps what JSON can carry as it is, and turns all else (errors, addresses, argument lists) into text.
func plain(value any) any {
	switch value.(type) {
	case nil, bool, string, int, int64, uint64, float64, []any, map[string]any:
		return value
	default:
		return fmt.Sprint(value)
	}
}
