// Command kv-state is kv-old with a state that it hands over, over the same go-plugin.
package main

import (
	"context"
	"errors"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"plugd.invalid/plugd"
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
	service := kv.NewService()
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion: 1, MagicCookieKey: "KV_PLUGIN", MagicCookieValue: "hello",
		},
		Plugins:    plugin.PluginSet{"kv": kvPlugin{service: service}},
		GRPCServer: plugd.GRPCServer(plugd.Options{Name: "kv", Version: "1.0.0", State: service.State()}),
	})
}
