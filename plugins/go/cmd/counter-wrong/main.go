// Command counter-wrong is the counter with a mistake in how it is handed over, for tests that must find it. The
// environment says which: COUNTER_BUG=double, lose or stale. In all else it is the counter.
package main

import (
	"fmt"
	"os"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"plugd.invalid/plugd"
	"plugd.invalid/plugins/internal/counter"
	"plugd.invalid/plugins/internal/sample"
)

// version is set when it is built, as that of the counter.
var version = "1.0.0"

func main() {
	logger := sample.NewLogger("counter")
	store := counter.NewStore()
	wrong, err := counter.NewWrong(os.Getenv("COUNTER_BUG"), store)
	if err != nil {
		fmt.Fprintln(os.Stderr, "COUNTER_BUG:", err)
		os.Exit(1)
	}
	life := plugd.New(plugd.Options{Name: "counter", Version: version, State: wrong.State(version)})
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: sample.CounterHandshake,
		VersionedPlugins: sample.VersionedPlugins(version, func(uint32) plugin.Plugin {
			return &sample.CounterPlugin{Version: version, Store: store}
		}),
		GRPCServer: func(options []grpc.ServerOption) *grpc.Server {
			options = append(append(options, life.ServerOptions()...), grpc.ChainUnaryInterceptor(wrong.Intercept))
			server := grpc.NewServer(options...)
			life.Register(server)
			return server
		},
		Logger: logger,
	})
}
