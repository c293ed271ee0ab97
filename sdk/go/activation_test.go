package plugd_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"plugd.invalid/plugd"
	lifecyclev1 "plugd.invalid/plugd/gen/plugd/lifecycle/v1"
)

// counted has a hook that counts how often it was called, and fails as often as it is told to.
type counted struct{ activated, failures atomic.Int32 }

func (c *counted) options(resources ...plugd.Resource) plugd.Options {
	return plain(plugd.Options{
		Resources: resources,
		Hooks: plugd.Hooks{Activate: func(context.Context) error {
			if c.failures.Add(-1) >= 0 {
				return errors.New("the port is taken")
			}
			c.activated.Add(1)
			return nil
		}},
	})
}

func (c *counted) expect(t *testing.T, times int32) {
	t.Helper()
	if got := c.activated.Load(); got != times {
		t.Fatalf("activated %d times, not %d", got, times)
	}
}

var port = plugd.Resource{Name: "port", Kind: plugd.Exclusive}

func TestAPluginThatTakesNothingOverActivatesItselfUnderPlugdToo(t *testing.T) {
	underPlugd(t)
	c := &counted{}
	p := start(t, plugd.GRPCServer(c.options()), &notes{})
	c.expect(t, 1)
	if err := p.step(limited(t), "activate"); err != nil {
		t.Fatal(err)
	}
	c.expect(t, 1)
}

func TestUnderPlugdCallsDoNotActivate(t *testing.T) {
	underPlugd(t)
	ctx := limited(t)
	c := &counted{}
	p := start(t, plugd.GRPCServer(c.options(port)), &notes{})
	must[*lifecyclev1.DescribeResponse](t)(p.lifecycle.Describe(ctx, &lifecyclev1.DescribeRequest{}))
	for _, method := range []string{"Get", "Put"} {
		if err := p.call(ctx, method, ""); err != nil {
			t.Fatal(err)
		}
	}
	c.expect(t, 0)
}

// A plugin of plugd's that is a host itself passes its environment on to its own plugins.
func TestAHostThatOnlyInheritedTheTokenActivatesByItsFirstCall(t *testing.T) {
	underPlugd(t)
	ctx := limited(t)
	c := &counted{}
	n := &notes{during: func(context.Context) {
		if c.activated.Load() != 1 {
			t.Error("a call was handled before")
		}
	}}
	p := start(t, plugd.GRPCServer(c.options(port)), n)
	// Hosts ask for it before they call anything.
	err := p.connection.Invoke(ctx, "/grpc.health.v1.Health/Check", new(emptypb.Empty), new(emptypb.Empty))
	if status.Code(err) != codes.Unimplemented {
		t.Fatal(err)
	}
	c.expect(t, 0)
	c.failures.Store(1)
	if err := p.call(ctx, "Put", "too early"); err == nil || !strings.Contains(err.Error(), "the port is taken") {
		t.Fatal(err)
	}
	var outcomes []<-chan error
	for i := range 8 {
		outcomes = append(outcomes, p.inBackground(ctx, "Put", fmt.Sprint(i)))
	}
	for _, outcome := range outcomes {
		if err := <-outcome; err != nil {
			t.Fatal(err)
		}
	}
	c.expect(t, 1)
	if got := len(n.all()); got != 8 {
		t.Fatal(got)
	}
}
