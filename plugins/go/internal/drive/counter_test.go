package drive

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// inEveryMode runs a test with a counter that has just started, in all four modes of the broker.
func inEveryMode(t *testing.T, test func(t *testing.T, host *peer, started Started, sockets string)) {
	t.Helper()
	command := samplePlugin(t, "counter", "2.0.0")
	for _, autoMTLS := range []bool{false, true} {
		for _, multiplex := range []bool{false, true} {
			t.Run(fmt.Sprintf("autoMtls=%v,multiplex=%v", autoMTLS, multiplex), func(t *testing.T) {
				sockets := t.TempDir()
				host := newPeer(t)
				var started Started
				host.ok("start", map[string]any{
					"command": []string{command}, "cookie": []string{"COUNTER_PLUGIN", "hello"}, "versions": []int{1, 2},
					"autoMtls": autoMTLS, "multiplex": multiplex, "env": []string{"TMPDIR=" + sockets},
				}, &started)
				test(t, host, started, sockets)
			})
		}
	}
}

func (p *peer) leaves() {
	p.t.Helper()
	var killed Killed
	p.ok("kill", nil, &killed)
	if killed.Forced || killed.Exit == nil || killed.Exit.Code == nil || *killed.Exit.Code != 0 {
		p.t.Errorf("kill gave %+v", killed)
	}
}

func TestTheBrokerServesBothSides(t *testing.T) {
	inEveryMode(t, func(t *testing.T, host *peer, started Started, sockets string) {
		var put numbered
		for _, want := range []int32{5, 10} {
			host.ok("counter-put", map[string]any{"key": "a", "value": 5}, &put)
			if put != (numbered{want, served{"2.0.0", int32(started.Pid)}}) {
				t.Errorf("put gave %+v, wanted %d", put, want)
			}
		}
		var got struct {
			Found bool
			Value int32
		}
		host.ok("counter-get", map[string]any{"key": "a"}, &got)
		if !got.Found || got.Value != 10 {
			t.Errorf("get gave %+v", got)
		}
		var read numbered
		host.ok("counter-session", map[string]any{"key": "a"}, &read)
		if read != (numbered{10, served{"2.0.0", int32(started.Pid)}}) {
			t.Errorf("the session read %+v", read)
		}
		// Of the session's server nothing is left, soon after its last connection has gone.
		for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			left, err := os.ReadDir(sockets)
			if err == nil && len(left) == 1 {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("beside the main socket there is left %v, %v", left, err)
			}
		}
		host.leaves()
	})
}

func TestManyCallBacksAtOnce(t *testing.T) {
	inEveryMode(t, func(t *testing.T, host *peer, _ Started, _ string) {
		var done struct{ Calls int }
		host.ok("counter-many", map[string]any{"n": 200, "concurrency": 8}, &done)
		if done.Calls != 200 {
			t.Errorf("%d calls of 200", done.Calls)
		}
		host.leaves()
	})
}

func TestACounterLeavesWithBrokeredServersOpen(t *testing.T) {
	inEveryMode(t, func(t *testing.T, host *peer, _ Started, _ string) {
		var helper struct{ Helper uint32 }
		host.ok("counter-serve", nil, &helper)
		host.ok("counter-put", map[string]any{"key": "a", "value": 1, "helper": helper.Helper}, &numbered{})
		host.ok("counter-serve", nil, &helper)
		host.ok("counter-session", map[string]any{"key": "a", "keep": true}, &numbered{})
		host.leaves()
	})
}

func TestAnIDThatNobodyServesFailsTheCall(t *testing.T) {
	host := newPeer(t)
	host.ok("start", map[string]any{
		"command": []string{samplePlugin(t, "counter", "1.0.0")}, "cookie": []string{"COUNTER_PLUGIN", "hello"},
	}, &Started{})
	refused := host.call("counter-put", map[string]any{"key": "a", "value": 1, "helper": 4711})
	if refused.Error == nil || refused.Error.Status != "Unavailable" ||
		!strings.Contains(refused.Error.Message, "timeout waiting for connection info") {
		t.Errorf("it gave %+v", refused.Error)
	}
	var got struct{ Found bool }
	host.ok("counter-get", map[string]any{"key": "a"}, &got)
	if got.Found {
		t.Error("a sum that failed was stored")
	}
}
