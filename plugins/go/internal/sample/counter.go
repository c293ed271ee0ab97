package sample

import (
	"context"
	"errors"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	counterv1 "plugd.invalid/plugins/gen/samples/counter/v1"
	probev1 "plugd.invalid/plugins/gen/samples/probe/v1"
	"plugd.invalid/plugins/internal/counter"
	"plugd.invalid/plugins/internal/probe"
)

// CounterHandshake is the cookie of the counter.
var CounterHandshake = plugin.HandshakeConfig{
	MagicCookieKey:   "COUNTER_PLUGIN",
	MagicCookieValue: "hello",
}

// CounterPlugin is the counter's side of one application protocol version.
type CounterPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	// Version of the plugin's code, not of the protocol.
	Version         string
	ProtocolVersion uint32
	Logger          hclog.Logger
	Store           *counter.Store
}

var _ plugin.GRPCPlugin = (*CounterPlugin)(nil)

// GRPCServer registers both sample services. go-plugin calls it once, for the version it negotiated.
func (p *CounterPlugin) GRPCServer(broker *plugin.GRPCBroker, server *grpc.Server) error {
	counterv1.RegisterCounterServer(server, counter.NewService(p.Version, broker, p.Store))
	probev1.RegisterProbeServer(server, probe.NewService(p.ProtocolVersion, p.Logger))
	return nil
}

// GRPCClient is the host's side, which lives in package drive.
func (p *CounterPlugin) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("this is the plugin's side of the sample")
}
