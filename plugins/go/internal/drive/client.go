// Package drive is a Go host made with unmodified hashicorp/go-plugin that does what it is told, one JSON
// object a line: the other end of the tests that check plugins and hosts across languages, and the peer of
// the benchmarks.
package drive

import (
	"context"
	"errors"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	counterv1 "plugd.invalid/plugins/gen/samples/counter/v1"
	kvv1 "plugd.invalid/plugins/gen/samples/kv/v1"
	probev1 "plugd.invalid/plugins/gen/samples/probe/v1"
)

// clients are the stubs of one plugin process, the connection that they share, and the broker beside it.
type clients struct {
	connection *grpc.ClientConn
	broker     *plugin.GRPCBroker
	kv         kvv1.KvClient
	probe      probev1.ProbeClient
	counter    counterv1.CounterClient
}

// hostPlugin is the host's side of the samples, the same for every protocol version.
type hostPlugin struct {
	plugin.NetRPCUnsupportedPlugin
}

var _ plugin.GRPCPlugin = hostPlugin{}

func (hostPlugin) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error {
	return errors.New("this is the host's side of the samples")
}

func (hostPlugin) GRPCClient(
	_ context.Context, broker *plugin.GRPCBroker, connection *grpc.ClientConn,
) (any, error) {
	return &clients{
		connection: connection,
		broker:     broker,
		kv:         kvv1.NewKvClient(connection),
		probe:      probev1.NewProbeClient(connection),
		counter:    counterv1.NewCounterClient(connection),
	}, nil
}
