// Command kv-old is the key-value store as plugins were made with go-plugin 1.4: one set of plugins, no versions.
package main

import (
	"context"
	"errors"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	kvv1 "plugd.invalid/plugins-old/gen/samples/kv/v1"
	"plugd.invalid/plugins-old/internal/kv"
)

type kvPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	service *kv.Service
}

var _ plugin.GRPCPlugin = kvPlugin{}

func (p kvPlugin) GRPCServer(_ *plugin.GRPCBroker, server *grpc.Server) error {
	kvv1.RegisterKvServer(server, p.service)
	return nil
}

func (kvPlugin) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (interface{}, error) {
	return nil, errors.New("this is the plugin's side")
}

func main() {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion: 1, MagicCookieKey: "KV_PLUGIN", MagicCookieValue: "hello",
		},
		Plugins:    plugin.PluginSet{"kv": kvPlugin{service: kv.NewService()}},
		GRPCServer: plugin.DefaultGRPCServer,
	})
}
