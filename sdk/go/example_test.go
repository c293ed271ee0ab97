package plugd_test

import (
	"context"
	"encoding/json"
	"io"
	"sync"

	"google.golang.org/grpc"

	"plugd.invalid/plugd"
)

// ServeConfig stands for go-plugin's, which this module does without.
type ServeConfig struct {
	GRPCServer func([]grpc.ServerOption) *grpc.Server
}

// Store keeps numbers by their names.
type Store struct {
	mutex   sync.Mutex
	numbers map[string]int
}

// State is all of it, as JSON: encoding/json sorts keys, so that equal states have equal bytes.
func (s *Store) State() *plugd.State {
	return &plugd.State{
		Schema: 1,
		Snapshot: func(_ context.Context, w io.Writer) error {
			s.mutex.Lock()
			data, err := json.Marshal(s.numbers)
			s.mutex.Unlock()
			if err != nil {
				return err
			}
			_, err = w.Write(data)
			return err
		},
		Restore: func(_ context.Context, _ uint32, r io.Reader) error {
			numbers := make(map[string]int)
			if err := json.NewDecoder(r).Decode(&numbers); err != nil {
				return err
			}
			s.mutex.Lock()
			defer s.mutex.Unlock()
			s.numbers = numbers
			return nil
		},
	}
}

func ExampleGRPCServer() {
	store := &Store{numbers: make(map[string]int)}
	// plugin.Serve(&plugin.ServeConfig{
	_ = &ServeConfig{
		GRPCServer: plugd.GRPCServer(plugd.Options{Name: "numbers", Version: "1.0.0", State: store.State()}),
	}
}

// A version that writes another form reads the one before too.
func ExampleState() {
	type counted struct{ Number, Writes int }
	numbers := make(map[string]counted)
	_ = &plugd.State{
		Schema:   2,
		Restores: []uint32{1, 2},
		Snapshot: func(_ context.Context, w io.Writer) error {
			return json.NewEncoder(w).Encode(numbers)
		},
		Restore: func(_ context.Context, schema uint32, r io.Reader) error {
			if schema == 2 {
				return json.NewDecoder(r).Decode(&numbers)
			}
			var first map[string]int
			if err := json.NewDecoder(r).Decode(&first); err != nil {
				return err
			}
			for name, number := range first {
				numbers[name] = counted{Number: number}
			}
			return nil
		},
	}
}

// What only one process can have, and what goes on by itself.
func ExampleHooks() {
	listen, stopListening := func() error { return nil }, func() error { return nil }
	_ = plugd.Options{
		Name:      "hook",
		Version:   "1.0.0",
		Resources: []plugd.Resource{{Name: "port", Kind: plugd.Exclusive}},
		Hooks: plugd.Hooks{
			Activate: func(context.Context) error { return listen() },
			Release:  func(context.Context, []string) error { return stopListening() },
			Resume: func(_ context.Context, released []string) error {
				if len(released) == 0 {
					return nil
				}
				return listen()
			},
		},
	}
}

// A plugin that makes its gRPC server itself.
func ExampleLifecycle_ServerOptions() {
	life := plugd.New(plugd.Options{Name: "own", Version: "1.0.0"})
	_ = &ServeConfig{
		GRPCServer: func(options []grpc.ServerOption) *grpc.Server {
			server := grpc.NewServer(append(options, life.ServerOptions()...)...)
			life.Register(server)
			return server
		},
	}
}

// A stream without an end ends when another version has taken over.
func ExampleDraining() {
	_ = func(stream grpc.ServerStream, changes <-chan any) error {
		for {
			select {
			case change := <-changes:
				if err := stream.SendMsg(change); err != nil {
					return err
				}
			case <-plugd.Draining(stream.Context()):
				return nil
			case <-stream.Context().Done():
				return stream.Context().Err()
			}
		}
	}
}
