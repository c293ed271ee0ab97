package sample

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	kvv1 "plugd.invalid/plugins/gen/samples/kv/v1"
	probev1 "plugd.invalid/plugins/gen/samples/probe/v1"
	"plugd.invalid/plugins/internal/kv"
	"plugd.invalid/plugins/internal/probe"
)

// Plugin is the plugin's side of one application protocol version.
type Plugin struct {
	plugin.NetRPCUnsupportedPlugin
	// Version of the plugin's code, not of the protocol.
	Version         string
	ProtocolVersion uint32
	Logger          hclog.Logger
}

var _ plugin.GRPCPlugin = (*Plugin)(nil)

// GRPCServer registers both sample services. go-plugin calls it once, for the version it negotiated.
func (p *Plugin) GRPCServer(_ *plugin.GRPCBroker, server *grpc.Server) error {
	kvv1.RegisterKvServer(server, kv.NewService(p.Version))
	probev1.RegisterProbeServer(server, probe.NewService(p.ProtocolVersion, p.Logger))
	return nil
}

// GRPCClient is the host's side, which lives in package drive.
func (p *Plugin) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("this is the plugin's side of the sample")
}

// VersionedPlugins tells which protocol versions a sample offers: 1 before version 2.0.0 of its code, 1 and 2
// from there on, so that hosts of both ages can run it.
func VersionedPlugins(version string, logger hclog.Logger) map[int]plugin.PluginSet {
	highest := 1
	if major, err := strconv.Atoi(strings.Split(version, ".")[0]); err == nil && major >= 2 {
		highest = 2
	}
	sets := make(map[int]plugin.PluginSet, highest)
	for protocol := 1; protocol <= highest; protocol++ {
		sets[protocol] = plugin.PluginSet{
			PluginName: &Plugin{Version: version, ProtocolVersion: uint32(protocol), Logger: logger},
		}
	}
	return sets
}
