package drive

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func kvPlugin(t *testing.T, version string) string {
	t.Helper()
	return samplePlugin(t, "kv", version)
}

// samplePlugin builds one of the samples with the given version.
func samplePlugin(t *testing.T, name, version string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".exe")
	build := exec.Command("go", "build", "-ldflags", "-X main.version="+version, "-o", path, "../../cmd/"+name)
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	return path
}

// peer is the other end of a Host: it sends one request and reads its answer.
type peer struct {
	t       *testing.T
	encoder *json.Encoder
	decoder *json.Decoder
	next    int
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	requests, send := io.Pipe()
	receive, answers := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- (&Host{}).Run(requests, answers) }()
	t.Cleanup(func() {
		_ = send.Close()
		if err := <-done; err != nil {
			t.Errorf("the host ended with %v", err)
		}
	})
	return &peer{t: t, encoder: json.NewEncoder(send), decoder: json.NewDecoder(receive)}
}

type reply struct {
	ID    int             `json:"id"`
	OK    json.RawMessage `json:"ok"`
	Error *failure        `json:"error"`
}

func (p *peer) call(op string, parameters map[string]any) reply {
	p.t.Helper()
	p.next++
	request := map[string]any{"id": p.next, "op": op}
	for key, value := range parameters {
		request[key] = value
	}
	if err := p.encoder.Encode(request); err != nil {
		p.t.Fatalf("%s: %v", op, err)
	}
	var answer reply
	if err := p.decoder.Decode(&answer); err != nil {
		p.t.Fatalf("%s: %v", op, err)
	}
	if answer.ID != p.next {
		p.t.Fatalf("%s: request %d got the answer of %d", op, p.next, answer.ID)
	}
	return answer
}

// ok makes a call that must succeed and reads its result into the target.
func (p *peer) ok(op string, parameters map[string]any, target any) {
	p.t.Helper()
	answer := p.call(op, parameters)
	if answer.Error != nil {
		p.t.Fatalf("%s: %+v", op, *answer.Error)
	}
	if err := json.Unmarshal(answer.OK, target); err != nil {
		p.t.Fatalf("%s: %v in %s", op, err, answer.OK)
	}
}

func TestDrivesEveryKindOfCall(t *testing.T) {
	command := kvPlugin(t, "2.0.0")
	for _, autoMTLS := range []bool{false, true} {
		t.Run(fmt.Sprintf("autoMtls=%v", autoMTLS), func(t *testing.T) {
			host := newPeer(t)
			var started Started
			host.ok("start", map[string]any{
				"command": []string{command}, "versions": []int{1, 2}, "autoMtls": autoMTLS,
			}, &started)
			if started.Version != 2 {
				t.Errorf("negotiated version %d", started.Version)
			}

			var put served
			host.ok("put", map[string]any{"key": "a", "value": "1"}, &put)
			if put.ServedBy != "2.0.0" || int(put.Pid) != started.Pid {
				t.Errorf("put answered by %+v, started was %+v", put, started)
			}
			var items []watchItem
			host.ok("watch", map[string]any{"key": "a", "take": 3}, &items)
			if len(items) != 3 || items[2].Sequence != 3 || items[2].Value != "1" {
				t.Errorf("watch gave %+v", items)
			}
			var loaded struct{ Stored int }
			host.ok("load", map[string]any{"n": 7}, &loaded)
			if loaded.Stored != 7 {
				t.Errorf("load stored %d of 7", loaded.Stored)
			}
			var chats []chatItem
			host.ok("chat", map[string]any{"n": 3}, &chats)
			if len(chats) != 3 || chats[2].Text != "message-3" {
				t.Errorf("chat gave %+v", chats)
			}

			if failed := host.call("fail", map[string]any{"code": 7, "message": "no"}); failed.Error == nil ||
				failed.Error.Code == nil || *failed.Error.Code != 7 || failed.Error.Message != "no" {
				t.Errorf("fail gave %+v", failed.Error)
			}

			var killed Killed
			host.ok("kill", nil, &killed)
			if killed.Forced || killed.Exit == nil || killed.Exit.Code == nil || *killed.Exit.Code != 0 {
				t.Errorf("kill gave %+v", killed)
			}
			if _, err := os.Stat(started.Address); !os.IsNotExist(err) {
				t.Errorf("the socket %s is left: %v", started.Address, err)
			}
		})
	}
}

func TestACallerWhoLeavesIsSeenByThePlugin(t *testing.T) {
	host := newPeer(t)
	host.ok("start", map[string]any{"command": []string{kvPlugin(t, "1.0.0")}}, &Started{})
	late := host.call("sleep", map[string]any{"durationMs": 60_000, "timeoutMs": 50})
	if late.Error == nil || late.Error.Status != "DeadlineExceeded" {
		t.Errorf("sleep past its deadline gave %+v", late.Error)
	}
	left := host.call("sleep", map[string]any{"durationMs": 60_000, "cancelAfterMs": 50})
	if left.Error == nil || left.Error.Status != "Canceled" {
		t.Errorf("sleep given up gave %+v", left.Error)
	}
	// The plugin learns of it a moment after the caller.
	var seen struct{ CancelledSleeps int }
	for range 100 {
		host.ok("inspect", nil, &seen)
		if seen.CancelledSleeps == 2 {
			return
		}
		host.call("sleep", map[string]any{"durationMs": 20})
	}
	t.Errorf("the plugin saw %d of 2 callers leave", seen.CancelledSleeps)
}

func TestVersionOneOffersProtocolOneOnly(t *testing.T) {
	host := newPeer(t)
	command := kvPlugin(t, "1.0.0")
	refused := host.call("start", map[string]any{
		"command": []string{command}, "versions": []int{2},
		// go-plugin kills a plugin that it refuses, and so its socket stays behind.
		"env": []string{"TMPDIR=" + t.TempDir()},
	})
	if refused.Error == nil || !strings.Contains(refused.Error.Message, "incompatible API version") {
		t.Errorf("a host that offers 2 only got %+v", refused.Error)
	}
	var started Started
	host.ok("start", map[string]any{"command": []string{command}, "versions": []int{1, 2}}, &started)
	if started.Version != 1 {
		t.Errorf("negotiated version %d", started.Version)
	}
}

func TestEndOfInputStopsThePlugin(t *testing.T) {
	var started Started
	t.Run("host", func(t *testing.T) {
		newPeer(t).ok("start", map[string]any{"command": []string{kvPlugin(t, "1.0.0")}}, &started)
	})
	if _, err := os.Stat(started.Address); !os.IsNotExist(err) {
		t.Errorf("the socket %s is left: %v", started.Address, err)
	}
}

func TestBenchmarksCountWhatWasAnswered(t *testing.T) {
	host := newPeer(t)
	var started Started
	host.ok("start", map[string]any{"command": []string{kvPlugin(t, "1.0.0")}, "versions": []int{1}}, &started)
	var answer benchAnswer
	for _, size := range []int{0, 100} {
		host.ok("bench-unary", map[string]any{"concurrency": 4, "calls": 50, "size": size}, &answer)
		if answer.Calls != 50 || answer.Seconds <= 0 {
			t.Errorf("50 calls of %d bytes: %+v", size, answer)
		}
	}
	host.ok("bench-unary", map[string]any{"concurrency": 2, "millis": 20, "size": 100}, &answer)
	if answer.Calls < 1 || answer.Seconds < 0.02 {
		t.Errorf("20 ms: %+v", answer)
	}
	host.ok("bench-stream", map[string]any{"count": 10, "size": 1024}, &answer)
	if answer.Calls != 10 {
		t.Errorf("a stream of 10: %+v", answer)
	}
	if host.call("bench-unary", map[string]any{"concurrency": 1}).Error == nil {
		t.Error("calls without a limit were taken")
	}
}
