package plugd

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	lifecyclev1 "plugd.invalid/plugd/gen/plugd/lifecycle/v1"
)

// tokenVariable is in the environment of what a plugd host started.
const tokenVariable = "PLUGD_INSTANCE_TOKEN"

// Lifecycle is one plugin's life, as its host sees it.
type Lifecycle struct {
	options Options
	gate    gate
	turn    *turn
	// led is true once somebody has seen to the activation: a host that speaks of the plugin's life, or begin.
	led atomic.Bool
	// What follows belongs to who holds the turn.
	active    bool
	paused    bool
	mustGoOn  bool
	released  []string
	drainLock sync.Mutex
	draining  chan struct{}
}

// GRPCServer is what most plugins need: plugin.ServeConfig.GRPCServer of go-plugin. It panics where the options are
// wrong, before the handshake: the host shows the text.
func GRPCServer(options Options) func([]grpc.ServerOption) *grpc.Server {
	return New(options).GRPCServer
}

// New is for plugins that make their gRPC server themselves. It panics where the options are wrong.
func New(options Options) *Lifecycle {
	if err := options.check(); err != nil {
		panic(fmt.Sprintf("plugd: %v", err))
	}
	return &Lifecycle{options: options, turn: newTurn(), draining: make(chan struct{})}
}

// GRPCServer makes a gRPC server as go-plugin's DefaultGRPCServer does, with all that is needed here.
func (l *Lifecycle) GRPCServer(options []grpc.ServerOption) *grpc.Server {
	// Not into the caller's own array.
	all := append(append([]grpc.ServerOption(nil), options...), l.ServerOptions()...)
	server := grpc.NewServer(all...)
	l.Register(server)
	return server
}

// ServerOptions count the calls of a gRPC server, and keep them waiting while the plugin is paused: needed for the
// plugin's own server, and for those on ids of the broker whose calls change the state. They take the one
// grpc.InTapHandle that a server can have; interceptors may be added with grpc.ChainUnaryInterceptor and its sister.
func (l *Lifecycle) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.InTapHandle(l.tap),
		grpc.ChainUnaryInterceptor(l.unary),
		grpc.ChainStreamInterceptor(l.stream),
	}
}

// Register offers the service through which a host speaks with the plugin of its life; once, on the plugin's own
// server. It calls Hooks.Activate where no plugd host will: where none is, and where nothing is to be taken over.
func (l *Lifecycle) Register(registrar grpc.ServiceRegistrar) {
	lifecyclev1.RegisterLifecycleServer(registrar, &service{lifecycle: l})
	handsOver := l.options.State != nil || len(l.options.Resources) > 0
	if handsOver && os.Getenv(tokenVariable) != "" {
		return
	}
	if err := l.activate(context.Background()); err != nil {
		panic(fmt.Sprintf("plugd: %v", err))
	}
}

// begin is asked of each call. A plugd host speaks of the plugin's life before it makes any other call. One that never
// does is another's: where it is a plugin of plugd itself, its own plugins have inherited the token.
func (l *Lifecycle) begin(ctx context.Context, method string) error {
	if l.led.Load() || isInfrastructure(method) {
		if strings.HasPrefix(method, lifecyclePrefix) {
			l.led.Store(true)
		}
		return nil
	}
	// Not for as long as one caller happens to wait.
	if err := l.activate(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	// The next calls need not ask.
	l.led.Store(true)
	return nil
}

// Draining is closed when new calls go to another version from now on: calls without an end should end then. After
// an exchange that was undone it is another channel.
func (l *Lifecycle) Draining() <-chan struct{} {
	l.drainLock.Lock()
	defer l.drainLock.Unlock()
	return l.draining
}

// Draining is Lifecycle.Draining for the handler of a call, by its context. Nil, which is never ready, for others.
func Draining(ctx context.Context) <-chan struct{} {
	if handling := handlingOf(ctx); handling != nil {
		return handling.lifecycle.Draining()
	}
	return nil
}
