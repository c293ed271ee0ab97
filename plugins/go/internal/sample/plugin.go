package sample

import (
	"context"
	"errors"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	feedv1 "plugd.invalid/plugins/gen/samples/feed/v1"
	kvv1 "plugd.invalid/plugins/gen/samples/kv/v1"
	probev1 "plugd.invalid/plugins/gen/samples/probe/v1"
	"plugd.invalid/plugins/internal/feed"
	"plugd.invalid/plugins/internal/kv"
	"plugd.invalid/plugins/internal/probe"
)

// Plugin is the key-value store's side of one application protocol version.
type Plugin struct {
	plugin.NetRPCUnsupportedPlugin
	// Version of the plugin's code, not of the protocol.
	Version         string
	ProtocolVersion uint32
	Logger          hclog.Logger
}

var _ plugin.GRPCPlugin = (*Plugin)(nil)

// GRPCServer registers the sample services. go-plugin calls it once, for the version it negotiated.
func (p *Plugin) GRPCServer(_ *plugin.GRPCBroker, server *grpc.Server) error {
	kvv1.RegisterKvServer(server, kv.NewService(p.Version))
	probev1.RegisterProbeServer(server, probe.NewService(p.ProtocolVersion, p.Logger))
	feedv1.RegisterFeedServer(server, feed.NewService(p.Version))
	return nil
}

// GRPCClient is the host's side, which lives in package drive.
func (p *Plugin) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("this is the plugin's side of the sample")
}
