package plugd

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/status"
)

// gate counts the calls that may change the state. Once they have ended it can be closed: calls then wait.
//
// While it waits for them to end, it lets further ones in. From a host that holds new calls, these descend from calls
// that are in flight, which would never end otherwise; or they were sent before.
type gate struct {
	mutex    sync.Mutex
	inFlight map[*call]bool
	// idle is closed when no call is in flight. Nil where nobody waits for it.
	idle chan struct{}
	// changed is closed when calls that wait should look again. Nil while the gate is open.
	changed  chan struct{}
	refusing bool
	waiting  int
	patience time.Duration
}

const (
	// leastPatience is how long calls wait at least, where their callers do: as long as hosts hold calls.
	leastPatience = 2 * time.Second
	mostWaiting   = 1000
)

// call is one that may change the state.
type call struct {
	method string
	// handled is true once the call's handler may run: then only its end counts, not that of its caller.
	handled bool
	// unwatch ends the wait for the caller to leave. Nil for calls that nobody watches.
	unwatch func() bool
}

// arrive counts a call in the order in which the host sent it, where the gate is open. A call that is never handled,
// because there is no such method or its caller has left, ends with ctx.
func (g *gate) arrive(ctx context.Context, method string) *call {
	arrived := &call{method: method}
	g.mutex.Lock()
	counts := g.changed == nil
	if counts {
		g.add(arrived)
	}
	g.mutex.Unlock()
	if counts {
		arrived.unwatch = context.AfterFunc(ctx, func() {
			g.mutex.Lock()
			defer g.mutex.Unlock()
			if !arrived.handled {
				g.remove(arrived)
			}
		})
	}
	return arrived
}

// enter returns when the call may be handled. It must leave then.
func (g *gate) enter(ctx context.Context, entering *call) error {
	var patience <-chan time.Time
	for {
		g.mutex.Lock()
		if g.inFlight[entering] || g.changed == nil {
			entering.handled = true
			g.add(entering)
			g.mutex.Unlock()
			if entering.unwatch != nil {
				entering.unwatch()
			}
			return nil
		}
		if g.refusing {
			g.mutex.Unlock()
			return pluginPaused.error("another version of the plugin has taken over; it has not seen this call")
		}
		if g.waiting == mostWaiting {
			g.mutex.Unlock()
			return pluginPaused.error("the plugin is paused, and %d calls wait for it already", mostWaiting)
		}
		g.waiting++
		changed := g.changed
		if patience == nil {
			timer := time.NewTimer(g.patience)
			defer timer.Stop()
			patience = timer.C
		}
		g.mutex.Unlock()
		err := wait(ctx, changed, patience)
		g.mutex.Lock()
		g.waiting--
		g.mutex.Unlock()
		if err != nil {
			return err
		}
	}
}

func wait(ctx context.Context, changed <-chan struct{}, patience <-chan time.Time) error {
	select {
	case <-changed:
		return nil
	case <-patience:
		return pluginPaused.error("the plugin has been paused for too long; it has not seen this call")
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

func (g *gate) leave(leaving *call) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.remove(leaving)
}

// close waits until no call is in flight, and lets none in from then on. Calls that come then wait as long as this
// may take, at least.
func (g *gate) close(ctx context.Context, limit time.Duration) error {
	for {
		g.mutex.Lock()
		if g.changed != nil {
			g.mutex.Unlock()
			return nil
		}
		if len(g.inFlight) == 0 {
			g.changed = make(chan struct{})
			g.patience = max(limit, leastPatience)
			g.mutex.Unlock()
			return nil
		}
		if g.idle == nil {
			g.idle = make(chan struct{})
		}
		idle := g.idle
		g.mutex.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return pauseTimeout.error("%s", g.busy())
		}
	}
}

// open lets all calls in.
func (g *gate) open() {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.wake()
	g.changed, g.refusing = nil, false
}

// refuse sends calls away that wait: the state that they would change has gone elsewhere.
func (g *gate) refuse() {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.changed == nil || g.refusing {
		return
	}
	g.refusing = true
	g.wake()
	g.changed = make(chan struct{})
}

func (g *gate) wake() {
	if g.changed != nil {
		close(g.changed)
	}
}

func (g *gate) add(one *call) {
	if g.inFlight == nil {
		g.inFlight = make(map[*call]bool)
	}
	g.inFlight[one] = true
}

func (g *gate) remove(one *call) {
	delete(g.inFlight, one)
	if len(g.inFlight) == 0 && g.idle != nil {
		close(g.idle)
		g.idle = nil
	}
}

// busy says which calls are in flight.
func (g *gate) busy() string {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	counts := make(map[string]int)
	for one := range g.inFlight {
		counts[one.method]++
	}
	parts := make([]string, 0, len(counts))
	for method, count := range counts {
		parts = append(parts, fmt.Sprintf("%d of %s", count, method))
	}
	sort.Strings(parts)
	return "calls are still in flight: " + strings.Join(parts, ", ")
}
