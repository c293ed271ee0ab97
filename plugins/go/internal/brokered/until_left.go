package brokered

import (
	"context"
	"sync"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

// ServeUntilLeft is Serve for a service that ends when the last connection to it does: go-plugin would keep it,
// and its socket, until the plugin ends.
func ServeUntilLeft(broker *plugin.GRPCBroker, register func(*grpc.Server)) (*Server, error) {
	watch := &watcher{left: make(chan struct{})}
	server, err := Serve(broker, register, grpc.StatsHandler(watch))
	if err != nil {
		return nil, err
	}
	go func() {
		select {
		case <-watch.left:
			server.Stop()
		case <-server.done:
		}
	}()
	return server, nil
}

// watcher closes left when the last connection has ended.
type watcher struct {
	mutex sync.Mutex
	open  int
	once  sync.Once
	left  chan struct{}
}

var _ stats.Handler = (*watcher)(nil)

func (w *watcher) HandleConn(_ context.Context, event stats.ConnStats) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	switch event.(type) {
	case *stats.ConnBegin:
		w.open++
	case *stats.ConnEnd:
		w.open--
		if w.open == 0 {
			// Stopped from elsewhere: the server waits for us here.
			w.once.Do(func() { close(w.left) })
		}
	}
}

func (*watcher) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (*watcher) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (*watcher) HandleRPC(context.Context, stats.RPCStats) {}
