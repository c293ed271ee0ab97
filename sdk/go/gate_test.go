package plugd

import (
	"context"
	"errors"
	"testing"
	"time"
)

func closedGate(t *testing.T, patience time.Duration) *gate {
	t.Helper()
	g := &gate{}
	if err := g.close(context.Background(), 0); err != nil {
		t.Fatal(err)
	}
	if g.patience < leastPatience {
		t.Fatal(g.patience)
	}
	g.patience = patience
	return g
}

func expectPaused(t *testing.T, err error) {
	t.Helper()
	var failed *stepError
	if !errors.As(err, &failed) || failed.code != pluginPaused {
		t.Fatal(err)
	}
}

func TestACallWithoutADeadlineDoesNotWaitForever(t *testing.T) {
	g := closedGate(t, 10*time.Millisecond)
	expectPaused(t, g.enter(context.Background(), &call{method: "/a/b"}))
	if g.waiting != 0 || len(g.inFlight) != 0 {
		t.Fatal(g.waiting, len(g.inFlight))
	}
}

func TestNoMoreThanSoManyCallsWait(t *testing.T) {
	g := closedGate(t, time.Minute)
	outcomes := make(chan error, mostWaiting)
	for range mostWaiting {
		go func() { outcomes <- g.enter(context.Background(), &call{method: "/a/b"}) }()
	}
	for {
		g.mutex.Lock()
		waiting := g.waiting
		g.mutex.Unlock()
		if waiting == mostWaiting {
			break
		}
		time.Sleep(time.Millisecond)
	}
	expectPaused(t, g.enter(context.Background(), &call{method: "/a/b"}))
	g.open()
	for range mostWaiting {
		if err := <-outcomes; err != nil {
			t.Fatal(err)
		}
	}
}
