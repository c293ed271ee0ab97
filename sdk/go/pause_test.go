package plugd_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"plugd.invalid/plugd"
	lifecyclev1 "plugd.invalid/plugd/gen/plugd/lifecycle/v1"
)

// still fails where an outcome is there that should not be yet. It can only miss a fault, never find a false one.
func still(t *testing.T, outcome <-chan error, what string) {
	t.Helper()
	select {
	case err := <-outcome:
		t.Fatalf("%s ended: %v", what, err)
	case <-time.After(30 * time.Millisecond):
	}
}

func pause(ctx context.Context, p *peer, limitMs uint32) <-chan error {
	outcome := make(chan error, 1)
	go func() {
		_, err := p.lifecycle.Pause(ctx, &lifecyclev1.PauseRequest{LimitMs: limitMs})
		outcome <- err
	}()
	return outcome
}

func TestPauseWaitsForCallsInFlightAndForThoseThatComeMeanwhile(t *testing.T) {
	underPlugd(t)
	ctx := limited(t)
	begun, end := make(chan string), make(chan string)
	n := &notes{during: func(context.Context) {
		begun <- ""
		<-end
	}}
	p := start(t, plugd.GRPCServer(plain(plugd.Options{})), n)
	first := p.inBackground(ctx, "Put", "first")
	<-begun
	pausing := pause(ctx, p, 0)
	still(t, pausing, "Pause")
	// A call that descends from the first: would it wait, all three would.
	second := p.inBackground(ctx, "Put", "second")
	<-begun
	end <- ""
	end <- ""
	for _, outcome := range []<-chan error{first, second, pausing} {
		if err := <-outcome; err != nil {
			t.Fatal(err)
		}
	}
	if got := n.all(); len(got) != 2 {
		t.Fatalf("Pause was answered after %v", got)
	}
}

func TestCallsThatMayChangeTheStateWaitForResumeAndOthersDoNot(t *testing.T) {
	underPlugd(t)
	ctx := limited(t)
	n := &notes{}
	p := start(t, plugd.GRPCServer(plain(plugd.Options{})), n)
	for range 2 {
		// The second one finds it paused.
		must[*lifecyclev1.PauseResponse](t)(p.lifecycle.Pause(ctx, &lifecyclev1.PauseRequest{}))
	}
	put := p.inBackground(ctx, "Put", "unary")
	stream := must[grpc.ClientStream](t)(
		p.connection.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, "/"+service+"/PutMany"))
	if err := stream.SendMsg(wrapperspb.String("stream")); err != nil {
		t.Fatal(err)
	}
	if err := p.call(ctx, "Get", ""); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := p.call(short, "Put", "late"); status.Code(err) != codes.DeadlineExceeded {
		t.Fatalf("a call that waits ends with its own deadline, not with %v", err)
	}
	still(t, put, "Put")
	if got := n.all(); len(got) != 0 {
		t.Fatalf("while it was paused it took %v", got)
	}
	must[*lifecyclev1.ResumeResponse](t)(p.lifecycle.Resume(ctx, &lifecyclev1.ResumeRequest{}))
	if err := <-put; err != nil {
		t.Fatal(err)
	}
	stream.CloseSend()
	if err := stream.RecvMsg(new(emptypb.Empty)); err != nil {
		t.Fatal(err)
	}
	got := n.all()
	slices.Sort(got)
	if fmt.Sprint(got) != "[stream unary]" {
		t.Fatalf("after Resume it had taken %v", got)
	}
}

func TestACallThatWasSentBeforePauseIsFinishedBeforeItsAnswer(t *testing.T) {
	underPlugd(t)
	ctx := limited(t)
	n := &notes{}
	p := start(t, plugd.GRPCServer(plain(plugd.Options{})), n)
	for round := range 300 {
		// The headers are on the wire when NewStream returns, and Pause comes after them.
		stream := must[grpc.ClientStream](t)(
			p.connection.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, "/"+service+"/PutMany"))
		if err := stream.SendMsg(wrapperspb.String("one")); err != nil {
			t.Fatal(err)
		}
		stream.CloseSend()
		must[*lifecyclev1.PauseResponse](t)(p.lifecycle.Pause(ctx, &lifecyclev1.PauseRequest{}))
		if got := len(n.all()); got != round+1 {
			t.Fatalf("round %d: paused with %d notes", round, got)
		}
		must[*lifecyclev1.ResumeResponse](t)(p.lifecycle.Resume(ctx, &lifecyclev1.ResumeRequest{}))
	}
}

func TestAPauseThatTakesTooLongNamesTheCallsAndLetsThemGoOn(t *testing.T) {
	underPlugd(t)
	ctx := limited(t)
	begun, end := make(chan string, 2), make(chan string)
	n := &notes{during: func(context.Context) {
		begun <- ""
		<-end
	}}
	p := start(t, plugd.GRPCServer(plain(plugd.Options{})), n)
	first := p.inBackground(ctx, "Put", "first")
	<-begun
	_, err := p.lifecycle.Pause(ctx, &lifecyclev1.PauseRequest{LimitMs: 30})
	if status.Code(err) != codes.DeadlineExceeded || !strings.Contains(err.Error(), "1 of /plugdtest.Notes/Put") {
		t.Fatal(err)
	}
	second := p.inBackground(ctx, "Put", "second")
	<-begun
	close(end)
	for _, outcome := range []<-chan error{first, second} {
		if err := <-outcome; err != nil {
			t.Fatal(err)
		}
	}
}

func TestCallsThatNobodyHandlesDoNotKeepPauseWaiting(t *testing.T) {
	underPlugd(t)
	ctx := limited(t)
	p := start(t, plugd.GRPCServer(plain(plugd.Options{})), &notes{})
	for _, path := range []string{"/" + service + "/Nothing", "/no.Such/Service", "nonsense"} {
		err := p.connection.Invoke(ctx, path, wrapperspb.String(""), new(emptypb.Empty))
		if status.Code(err) == codes.OK {
			t.Fatal(path)
		}
	}
	must[*lifecyclev1.PauseResponse](t)(p.lifecycle.Pause(ctx, &lifecyclev1.PauseRequest{LimitMs: 5000}))
}

func TestAHandlerWhoseCallerHasLeftStillKeepsPauseWaiting(t *testing.T) {
	underPlugd(t)
	ctx := limited(t)
	begun, end := make(chan string), make(chan string)
	n := &notes{during: func(ctx context.Context) {
		begun <- ""
		<-ctx.Done()
		<-end
	}}
	p := start(t, plugd.GRPCServer(plain(plugd.Options{})), n)
	callers, leave := context.WithCancel(ctx)
	left := p.inBackground(callers, "Put", "unwanted")
	<-begun
	leave()
	<-left
	pausing := pause(ctx, p, 0)
	still(t, pausing, "Pause")
	close(end)
	if err := <-pausing; err != nil {
		t.Fatal(err)
	}
	if got := n.all(); len(got) != 1 {
		t.Fatalf("Pause was answered after %v", got)
	}
}

func TestCallsThatWaitAreSentAwayOnceAnotherVersionHasTakenOver(t *testing.T) {
	underPlugd(t)
	ctx := limited(t)
	n := &notes{}
	p := start(t, plugd.GRPCServer(plain(plugd.Options{})), n)
	must[*lifecyclev1.PauseResponse](t)(p.lifecycle.Pause(ctx, &lifecyclev1.PauseRequest{}))
	var early, late metadata.MD
	waiting := p.inBackground(ctx, "Put", "waiting", grpc.Trailer(&early))
	still(t, waiting, "Put")
	must[*lifecyclev1.DrainResponse](t)(p.lifecycle.Drain(ctx, &lifecyclev1.DrainRequest{}))
	for _, refused := range []error{<-waiting, p.call(ctx, "Put", "late", grpc.Trailer(&late))} {
		if status.Code(refused) != codes.Unavailable {
			t.Fatal(refused)
		}
	}
	for _, trailer := range []metadata.MD{early, late} {
		if got := trailer.Get("plugd-executed"); len(got) != 1 || got[0] != "no" {
			t.Fatalf("plugd-executed: %v", got)
		}
		if got := trailer.Get("plugd-code"); len(got) != 1 || got[0] != "PLUGIN_PAUSED" {
			t.Fatalf("plugd-code: %v", got)
		}
	}
	// Swapped back.
	must[*lifecyclev1.ResumeResponse](t)(p.lifecycle.Resume(ctx, &lifecyclev1.ResumeRequest{}))
	if err := p.call(ctx, "Put", "again"); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(n.all()); got != "[again]" {
		t.Fatal(got)
	}
}
