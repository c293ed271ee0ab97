// Command counter is the sample that calls its host back, with unmodified hashicorp/go-plugin.
package main

import (
	"github.com/hashicorp/go-plugin"

	"plugd.invalid/plugins/internal/sample"
)

// version is set when it is built: -ldflags "-X main.version=2.0.0".
var version = "1.0.0"

func main() {
	logger := sample.NewLogger("counter")
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: sample.CounterHandshake,
		VersionedPlugins: sample.VersionedPlugins(version, func(protocol uint32) plugin.Plugin {
			return &sample.CounterPlugin{Version: version, ProtocolVersion: protocol, Logger: logger}
		}),
		GRPCServer: plugin.DefaultGRPCServer,
		Logger:     logger,
	})
}
