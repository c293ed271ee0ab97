package plugd_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"plugd.invalid/plugd"
	lifecyclev1 "plugd.invalid/plugd/gen/plugd/lifecycle/v1"
)

// diary has hooks that write down that they were called, and fail where failing says so.
type diary struct {
	entries []string
	failing string
}

func (d *diary) write(entry string) error {
	d.entries = append(d.entries, entry)
	if d.failing != "" && strings.HasPrefix(entry, d.failing) {
		return errors.New("it is stuck")
	}
	return nil
}

func (d *diary) options() plugd.Options {
	return plain(plugd.Options{
		Resources: []plugd.Resource{
			{Name: "port", Kind: plugd.Exclusive},
			{Name: "file", Kind: plugd.Exclusive},
			{Name: "pool", Kind: plugd.Leased},
		},
		Hooks: plugd.Hooks{
			Pause:    func(context.Context) error { return d.write("pause") },
			Release:  func(_ context.Context, names []string) error { return d.write(fmt.Sprint("release", names)) },
			Resume:   func(_ context.Context, names []string) error { return d.write(fmt.Sprint("resume", names)) },
			Activate: func(context.Context) error { return d.write("activate") },
		},
	})
}

// active is a plugin that its host has told to begin.
func active(t *testing.T, ctx context.Context, options plugd.Options, n *notes) *peer {
	t.Helper()
	p := start(t, plugd.GRPCServer(options), n)
	if err := p.step(ctx, "activate"); err != nil {
		t.Fatal(err)
	}
	return p
}

func (d *diary) expect(t *testing.T, entries ...string) {
	t.Helper()
	if got, want := strings.Join(d.entries, ", "), strings.Join(entries, ", "); got != want {
		t.Fatalf("called: %s\nwanted: %s", got, want)
	}
}

// steps of a plugin's life, by the words of the diary.
func (p *peer) step(ctx context.Context, name string, resources ...string) error {
	var err error
	switch name {
	case "pause":
		_, err = p.lifecycle.Pause(ctx, &lifecyclev1.PauseRequest{})
	case "release":
		_, err = p.lifecycle.Release(ctx, &lifecyclev1.ReleaseRequest{Resources: resources})
	case "resume":
		_, err = p.lifecycle.Resume(ctx, &lifecyclev1.ResumeRequest{})
	case "activate":
		_, err = p.lifecycle.Activate(ctx, &lifecyclev1.ActivateRequest{})
	}
	return err
}

func TestStepsThatAreAskedForTwiceAreTakenOnce(t *testing.T) {
	underPlugd(t)
	ctx := limited(t)
	d := &diary{}
	p := start(t, plugd.GRPCServer(d.options()), &notes{})
	for _, name := range []string{"resume", "activate", "activate", "pause", "pause"} {
		if err := p.step(ctx, name); err != nil {
			t.Fatal(name, err)
		}
	}
	if err := p.step(ctx, "activate"); status.Code(err) != codes.FailedPrecondition {
		t.Fatal("what is paused was activated", err)
	}
	// One by name, then all that is exclusive, then one more.
	for _, names := range [][]string{{"file"}, {}, {}, {"pool", "file"}} {
		if err := p.step(ctx, "release", names...); err != nil {
			t.Fatal(names, err)
		}
	}
	for range 2 {
		if err := p.step(ctx, "resume"); err != nil {
			t.Fatal(err)
		}
	}
	d.expect(t, "activate", "pause", "release[file]", "release[port]", "release[pool]", "resume[file port pool]")
}

func TestAResourceThatIsNotDeclaredIsNotReleased(t *testing.T) {
	underPlugd(t)
	ctx := limited(t)
	d := &diary{}
	p := start(t, plugd.GRPCServer(d.options()), &notes{})
	if err := p.step(ctx, "release", "port", "socket"); status.Code(err) != codes.InvalidArgument {
		t.Fatal(err)
	}
	d.expect(t)
}

func TestResumeUndoesWhatFailedHalfWay(t *testing.T) {
	underPlugd(t)
	ctx := limited(t)
	for _, failing := range []string{"pause", "release"} {
		d := &diary{failing: failing}
		p := active(t, ctx, d.options(), &notes{})
		d.entries = nil
		for _, name := range []string{"pause", "release"} {
			err := p.step(ctx, name)
			if failed := err != nil; failed != (name == failing) {
				t.Fatal(name, err)
			}
			if name == failing {
				break
			}
		}
		if err := p.step(ctx, "resume"); err != nil {
			t.Fatal(err)
		}
		if failing == "pause" {
			d.expect(t, "pause", "resume[]")
		} else {
			d.expect(t, "pause", "release[port file]", "resume[port file]")
		}
		if err := p.call(ctx, "Put", "goes on"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCallsWaitOnWhereResumeFailsAndItCanBeTriedAgain(t *testing.T) {
	underPlugd(t)
	ctx := limited(t)
	d := &diary{failing: "resume"}
	p := active(t, ctx, d.options(), &notes{})
	if err := p.step(ctx, "pause"); err != nil {
		t.Fatal(err)
	}
	put := p.inBackground(ctx, "Put", "waits")
	if err := p.step(ctx, "resume"); err == nil {
		t.Fatal("the failure of a hook was kept from the host")
	}
	still(t, put, "Put")
	d.failing = ""
	if err := p.step(ctx, "resume"); err != nil {
		t.Fatal(err)
	}
	if err := <-put; err != nil {
		t.Fatal(err)
	}
}

func TestAFailedActivateCanBeTriedAgain(t *testing.T) {
	underPlugd(t)
	ctx := limited(t)
	d := &diary{failing: "activate"}
	p := start(t, plugd.GRPCServer(d.options()), &notes{})
	d.expect(t)
	if err := p.step(ctx, "activate"); err == nil || !strings.Contains(err.Error(), "it is stuck") {
		t.Fatal(err)
	}
	d.failing = ""
	if err := p.step(ctx, "activate"); err != nil {
		t.Fatal(err)
	}
	d.expect(t, "activate", "activate")
}

func TestWithoutAPlugdHostThePluginActivatesItself(t *testing.T) {
	t.Setenv("PLUGD_INSTANCE_TOKEN", "")
	d := &diary{}
	p := start(t, plugd.GRPCServer(d.options()), &notes{})
	d.expect(t, "activate")
	if err := p.step(limited(t), "activate"); err != nil {
		t.Fatal(err)
	}
	d.expect(t, "activate")

	stuck := &diary{failing: "activate"}
	defer func() {
		if said := fmt.Sprint(recover()); !strings.Contains(said, "it is stuck") {
			t.Fatal(said)
		}
	}()
	plugd.GRPCServer(stuck.options())(nil)
}

func TestStreamsLearnThatAnotherVersionHasTakenOver(t *testing.T) {
	underPlugd(t)
	ctx := limited(t)
	d := &diary{}
	begun := make(chan string)
	n := &notes{during: func(ctx context.Context) {
		begun <- ""
		<-plugd.Draining(ctx)
	}}
	p := start(t, plugd.GRPCServer(d.options()), n)
	endless := p.inBackground(ctx, "Put", "endless")
	<-begun
	still(t, endless, "the call")
	for range 2 {
		must[*lifecyclev1.DrainResponse](t)(p.lifecycle.Drain(ctx, &lifecyclev1.DrainRequest{}))
	}
	if err := <-endless; err != nil {
		t.Fatal(err)
	}
	if err := p.step(ctx, "resume"); err != nil {
		t.Fatal(err)
	}
	again := p.inBackground(ctx, "Put", "endless again")
	<-begun
	still(t, again, "the call after Resume")
	must[*lifecyclev1.DrainResponse](t)(p.lifecycle.Drain(ctx, &lifecyclev1.DrainRequest{}))
	if err := <-again; err != nil {
		t.Fatal(err)
	}
	if plugd.Draining(context.Background()) != nil {
		t.Fatal("what is no call's context drains")
	}
}

func TestWhatThePluginSaysOfItselfReachesTheHost(t *testing.T) {
	underPlugd(t)
	d := &diary{}
	options := d.options()
	options.Single = true
	options.State = (&text{}).state(2, 1, 2)
	options.State.Shareable = true
	options.State.SnapshotEvery = 90 * time.Second
	p := start(t, plugd.GRPCServer(options), &notes{})
	got := must[*lifecyclev1.DescribeResponse](t)(
		p.lifecycle.Describe(limited(t), &lifecyclev1.DescribeRequest{}))
	said := strings.TrimSpace(fmt.Sprintln(
		got.GetSingle(), got.GetState().GetSchema(), got.GetState().GetRestores(), got.GetState().GetShareable(),
		got.GetState().GetSnapshotEveryMs(), len(got.GetResources()), got.GetResources()[0].GetName(),
		got.GetResources()[0].GetKind(), got.GetResources()[2].GetKind(),
	))
	const wanted = "true 2 [1 2] true 90000 3 port RESOURCE_KIND_EXCLUSIVE RESOURCE_KIND_LEASED"
	if said != wanted {
		t.Fatalf("said:   %s\nwanted: %s", said, wanted)
	}
}

func TestWrongOptionsPanicBeforeThePluginStarts(t *testing.T) {
	full := (&text{}).state(2, 1)
	often := *(&text{}).state(1)
	often.SnapshotEvery = 50 * 24 * time.Hour
	wrong := map[string]plugd.Options{
		"Name":     {Version: "1.0.0"},
		"Version":  {Name: "notes"},
		"Schema":   plain(plugd.Options{State: &plugd.State{}}),
		"Snapshot": plain(plugd.Options{State: &plugd.State{Schema: 1}}),
		"Restores": plain(plugd.Options{State: full}),
		"49 days":  plain(plugd.Options{State: &often}),
		"kind":     plain(plugd.Options{Resources: []plugd.Resource{{Name: "port"}}}),
		"twice": plain(plugd.Options{Resources: []plugd.Resource{
			{Name: "port", Kind: plugd.Exclusive}, {Name: "port", Kind: plugd.Shared},
		}}),
	}
	for word, options := range wrong {
		t.Run(word, func(t *testing.T) {
			defer func() {
				if said := fmt.Sprint(recover()); !strings.Contains(said, word) {
					t.Fatal(said)
				}
			}()
			plugd.New(options)
		})
	}
}

func TestFailuresCarryPlugdsOwnCode(t *testing.T) {
	underPlugd(t)
	ctx := limited(t)
	d := &diary{failing: "activate"}
	options := d.options()
	options.State = (&text{}).state(1)
	options.State.Snapshot = func(context.Context, io.Writer) error { return errors.New("came apart") }
	begun, end := make(chan string), make(chan string)
	n := &notes{during: func(context.Context) {
		begun <- ""
		<-end
	}}
	p := start(t, plugd.GRPCServer(options), n)
	expect := func(code string, trailer metadata.MD, err error) {
		t.Helper()
		if got := fmt.Sprint(trailer.Get("plugd-code")); err == nil || got != "["+code+"]" {
			t.Fatalf("%s: %s, %v", code, got, err)
		}
	}
	var trailer metadata.MD
	_, err := p.lifecycle.Activate(ctx, &lifecyclev1.ActivateRequest{}, grpc.Trailer(&trailer))
	expect("HANDOFF_HOOK_FAILED", trailer, err)
	release := &lifecyclev1.ReleaseRequest{Resources: []string{"socket"}}
	_, err = p.lifecycle.Release(ctx, release, grpc.Trailer(&trailer))
	expect("HANDOFF_ORDER", trailer, err)
	_, err = p.lifecycle.Pause(ctx, &lifecyclev1.PauseRequest{}, grpc.Trailer(&trailer))
	expect("HANDOFF_ORDER", trailer, err)
	d.failing = ""
	if err := p.step(ctx, "activate"); err != nil {
		t.Fatal(err)
	}
	put := p.inBackground(ctx, "Put", "")
	<-begun
	_, err = p.lifecycle.Pause(ctx, &lifecyclev1.PauseRequest{LimitMs: 10}, grpc.Trailer(&trailer))
	expect("PAUSE_TIMEOUT", trailer, err)
	close(end)
	<-put
	stream := must[lifecyclev1.Lifecycle_SnapshotClient](t)(p.lifecycle.Snapshot(ctx, &lifecyclev1.SnapshotRequest{}))
	for err = nil; err == nil; {
		_, err = stream.Recv()
	}
	expect("STATE_CODEC_FAILED", stream.Trailer(), err)
	p = start(t, plugd.GRPCServer(options), n)
	for code, first := range map[string]*lifecyclev1.RestoreRequest{
		"STATE_SCHEMA_UNKNOWN": {Part: &lifecyclev1.RestoreRequest_Header{Header: &lifecyclev1.SnapshotHeader{Schema: 7}}},
		"STATE_INCOMPLETE":     {Part: &lifecyclev1.RestoreRequest_Data{Data: []byte("a")}},
	} {
		restore := must[lifecyclev1.Lifecycle_RestoreClient](t)(p.lifecycle.Restore(ctx))
		if err := restore.Send(first); err != nil {
			t.Fatal(err)
		}
		_, err := restore.CloseAndRecv()
		expect(code, restore.Trailer(), err)
	}
}
