package plugd_test

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"plugd.invalid/plugd"
)

const key = "plugd-lineage"

func TestCallsToTheHostSayWhatTheyDescendFrom(t *testing.T) {
	underPlugd(t)
	ctx := limited(t)
	var seen []string
	host := start(t, plugd.GRPCServer(plain(plugd.Options{})), &notes{during: func(ctx context.Context) {
		incoming, _ := metadata.FromIncomingContext(ctx)
		seen = append(seen, fmt.Sprint(incoming.Get(key)))
	}})
	// The plugin calls the host back, by each kind of call.
	var of context.Context
	call := func(ctx context.Context) {
		connection := plugd.Carry(host.connection)
		err := connection.Invoke(ctx, "/"+service+"/Put", wrapperspb.String(""), new(emptypb.Empty))
		if err != nil {
			t.Error(err)
		}
		stream, err := connection.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, "/"+service+"/PutMany")
		if err != nil {
			t.Error(err)
			return
		}
		stream.SendMsg(wrapperspb.String(""))
		stream.CloseSend()
		stream.RecvMsg(new(emptypb.Empty))
	}
	p := start(t, plugd.GRPCServer(plain(plugd.Options{})), &notes{during: func(ctx context.Context) {
		of = context.WithoutCancel(ctx)
		call(ctx)
	}})
	expect := func(wanted ...string) {
		t.Helper()
		if fmt.Sprint(seen) != fmt.Sprint(wanted) {
			t.Fatalf("seen: %v\nwanted: %v", seen, wanted)
		}
		seen = nil
	}
	if err := p.call(metadata.AppendToOutgoingContext(ctx, key, "kv=1,counter=3"), "Put", ""); err != nil {
		t.Fatal(err)
	}
	expect("[kv=1,counter=3]", "[kv=1,counter=3]")
	// What goes on after the call was answered descends from no call in flight.
	call(of)
	expect("[]", "[]")
	if err := p.call(ctx, "Put", ""); err != nil {
		t.Fatal(err)
	}
	expect("[]", "[]")
}

func TestWhatTheAuthorSaysOfACallsLineageStands(t *testing.T) {
	ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs(key, "counter=3"))
	ctx = metadata.AppendToOutgoingContext(ctx, key, "own=1")
	outgoing, _ := metadata.FromOutgoingContext(plugd.WithLineage(ctx))
	if got := fmt.Sprint(outgoing.Get(key)); got != "[own=1]" {
		t.Fatal(got)
	}
}
