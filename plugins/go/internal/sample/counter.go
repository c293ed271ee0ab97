package sample

import (
	"context"
	"errors"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	counterv1 "plugd.invalid/plugins/gen/samples/counter/v1"
	feedv1 "plugd.invalid/plugins/gen/samples/feed/v1"
	"plugd.invalid/plugins/internal/counter"
	"plugd.invalid/plugins/internal/feed"
)

// CounterHandshake is the cookie of the counter.
var CounterHandshake = plugin.HandshakeConfig{
	MagicCookieKey:   "COUNTER_PLUGIN",
	MagicCookieValue: "hello",
}

// CounterPlugin is the counter's side, the same in every version of the protocol.
type CounterPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	// Version of the plugin's code, not of the protocol.
	Version string
	Store   *counter.Store
}

var _ plugin.GRPCPlugin = (*CounterPlugin)(nil)

// GRPCServer registers what the counter in TypeScript has too, and no more: each may take the other's place.
func (p *CounterPlugin) GRPCServer(broker *plugin.GRPCBroker, server *grpc.Server) error {
	counterv1.RegisterCounterServer(server, counter.NewService(p.Version, broker, p.Store))
	feedv1.RegisterFeedServer(server, feed.NewService(p.Version))
	return nil
}

// GRPCClient is the host's side, which lives in package drive.
func (p *CounterPlugin) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("this is the plugin's side of the sample")
}
