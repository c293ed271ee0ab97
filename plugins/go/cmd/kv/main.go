// Command kv is the sample plugin in Go, with unmodified hashicorp/go-plugin.
package main

import (
	"encoding/json"
	"fmt"
	"os"

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
		Test:        testMode(),
	})
}

// testMode is go-plugin's test mode when KV_REATTACH is set, else nil: hosts attach to the plugin by the line of
// JSON that it prints, in the form in which Go's tools hand such lines on.
func testMode() *plugin.ServeTestConfig {
	if os.Getenv("KV_REATTACH") == "" {
		return nil
	}
	configs := make(chan *plugin.ReattachConfig)
	go func() {
		config := <-configs
		type address struct{ Network, String string }
		line, err := json.Marshal(struct {
			Protocol        plugin.Protocol
			ProtocolVersion int
			Pid             int
			Test            bool
			Addr            address
		}{
			config.Protocol, config.ProtocolVersion, config.Pid, config.Test,
			address{config.Addr.Network(), config.Addr.String()},
		})
		if err == nil {
			fmt.Println(string(line))
		}
	}()
	return &plugin.ServeTestConfig{ReattachConfigCh: configs}
}
