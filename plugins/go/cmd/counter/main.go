// Command counter is the sample that calls its host back and hands its state over, with unmodified
// hashicorp/go-plugin.
package main

import (
	"github.com/hashicorp/go-plugin"

	"plugd.invalid/plugd"
	"plugd.invalid/plugins/internal/counter"
	"plugd.invalid/plugins/internal/sample"
)

// version is set when it is built: -ldflags "-X main.version=2.0.0".
var version = "1.0.0"

func main() {
	logger := sample.NewLogger("counter")
	store := counter.NewStore()
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: sample.CounterHandshake,
		VersionedPlugins: sample.VersionedPlugins(version, func(uint32) plugin.Plugin {
			return &sample.CounterPlugin{Version: version, Store: store}
		}),
		GRPCServer: plugd.GRPCServer(plugd.Options{Name: "counter", Version: version, State: store.State(version)}),
		Logger:     logger,
	})
}
