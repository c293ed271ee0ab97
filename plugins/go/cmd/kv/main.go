// Command kv is the sample plugin in Go, with unmodified hashicorp/go-plugin.
package main

import (
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"plugd.invalid/plugins/internal/sample"
)

// version is set when it is built: -ldflags "-X main.version=2.0.0".
var version = "1.0.0"

func main() {
	// Made before Serve, which replaces os.Stderr: its records reach the host on the real standard error.
	logger := hclog.New(&hclog.LoggerOptions{
		Name:       "kv",
		Level:      hclog.Trace,
		Output:     os.Stderr,
		JSONFormat: true,
	})
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  sample.Handshake,
		VersionedPlugins: sample.VersionedPlugins(version, logger),
		TLSProvider:      sample.TLSProvider(),
		GRPCServer:       plugin.DefaultGRPCServer,
		Logger:           logger,
	})
}
