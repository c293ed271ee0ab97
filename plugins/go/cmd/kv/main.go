// Command kv is the sample plugin in Go, with unmodified hashicorp/go-plugin.
package main

import (
	"github.com/hashicorp/go-plugin"

	"plugd.invalid/plugins/internal/sample"
)

// version is set when it is built: -ldflags "-X main.version=2.0.0".
var version = "1.0.0"

func main() {
	logger := sample.NewLogger("kv")
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: sample.Handshake,
		VersionedPlugins: sample.VersionedPlugins(version, func(protocol uint32) plugin.Plugin {
			return &sample.Plugin{Version: version, ProtocolVersion: protocol, Logger: logger}
		}),
		TLSProvider: sample.TLSProvider(),
		GRPCServer:  plugin.DefaultGRPCServer,
		Logger:      logger,
	})
}
