package plugd

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// lineageKey is the metadata in which a plugd host says what a call descends from.
const lineageKey = "plugd-lineage"

// Carry is for connections to the host, which go-plugin's broker dials: calls that are made with the context of a
// handler say what that handler's own call descends from, so that the host never has them wait for the end of an
// exchange that waits for them. Not for connections to anyone else.
//
//	connection, err := broker.Dial(id)
//	...
//	client := helperv1.NewHelperClient(plugd.Carry(connection))
func Carry(connection grpc.ClientConnInterface) grpc.ClientConnInterface {
	return carrying{connection}
}

type carrying struct{ grpc.ClientConnInterface }

func (c carrying) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	return c.ClientConnInterface.Invoke(WithLineage(ctx), method, args, reply, options...)
}

func (c carrying) NewStream(
	ctx context.Context, description *grpc.StreamDesc, method string, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return c.ClientConnInterface.NewStream(WithLineage(ctx), description, method, options...)
}

// WithLineage is what Carry does, for a single call: from the context of a handler it makes one for a call to the
// host. Unchanged where the handler's call came from no other, or has ended, and where the author said it already.
func WithLineage(ctx context.Context) context.Context {
	if handling := handlingOf(ctx); handling != nil && handling.ended.Load() {
		return ctx
	}
	if outgoing, ok := metadata.FromOutgoingContext(ctx); ok && len(outgoing.Get(lineageKey)) > 0 {
		return ctx
	}
	incoming, _ := metadata.FromIncomingContext(ctx)
	values := incoming.Get(lineageKey)
	if len(values) == 0 {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, lineageKey, values[0])
}
