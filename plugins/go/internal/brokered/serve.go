// Package brokered serves gRPC services on ids of go-plugin's broker, for either side of the wire.
package brokered

import (
	"errors"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// Server is what answers on one id.
type Server struct {
	// ID is for the other side, which dials it.
	ID   uint32
	grpc *grpc.Server
	// done is closed once nothing of it is left.
	done chan struct{}
}

// Serve registers services on a new id. It returns once the other side may dial: a knock that comes before
// go-plugin has noted its listener would end a multiplexed plugin.
func Serve(broker *plugin.GRPCBroker, register func(*grpc.Server), options ...grpc.ServerOption) (*Server, error) {
	server := &Server{ID: broker.NextId(), done: make(chan struct{})}
	ready := make(chan struct{})
	go func() {
		defer close(server.done)
		broker.AcceptAndServe(server.ID, func(own []grpc.ServerOption) *grpc.Server {
			server.grpc = grpc.NewServer(append(own, options...)...)
			register(server.grpc)
			close(ready)
			return server.grpc
		})
	}()
	select {
	case <-ready:
		return server, nil
	case <-server.done:
		// Both may have happened; go-plugin only logs why it could not listen.
		return nil, errors.New("the broker serves no more")
	}
}

// Stop ends it and its calls, and waits until its socket is gone.
func (s *Server) Stop() {
	s.grpc.Stop()
	<-s.done
}
