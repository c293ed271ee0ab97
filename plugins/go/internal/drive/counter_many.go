package drive

import (
	"context"
	"fmt"
	"sync"
	"time"
)

type counterManyRequest struct {
	timed
	// N calls back into this host, from so many loops at once; at its end each loop reads through a session.
	N           int `json:"n"`
	Concurrency int `json:"concurrency"`
}

// counterMany has each loop count on a key of its own and check every sum. The first failure is the answer.
//
// A multiplexed go-plugin host may give a stream to the listener of the knock after its own: its listeners wait
// for streams side by side. So there each loop has one helper, and all stay until the last call has ended; with
// one a call, as without multiplexing, where an id can be dialled only once, calls would be cut now and then.
func counterMany(session *Session, request counterManyRequest) (any, error) {
	if request.Concurrency < 1 || request.N < 1 {
		return nil, fmt.Errorf("counter-many: %d calls from %d loops", request.N, request.Concurrency)
	}
	ctx, cancel := request.context()
	defer cancel()
	ctx, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	var loops sync.WaitGroup
	begin := time.Now()
	for loop := range request.Concurrency {
		put := session.putHelped
		if session.multiplexed {
			helper, err := session.serveHelper()
			if err != nil {
				return nil, err
			}
			defer helper.Stop()
			put = func(ctx context.Context, key string, value int32) (numbered, error) {
				return session.put(ctx, key, value, helper.ID)
			}
		}
		loops.Add(1)
		go func() {
			defer loops.Done()
			// The calls are spread as evenly as they can be.
			calls := (request.N + loop) / request.Concurrency
			key := fmt.Sprintf("%d-%d", begin.UnixNano(), loop)
			if err := session.count(ctx, key, calls, put); err != nil {
				leave(err)
			}
		}()
	}
	loops.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return struct {
		Calls   int     `json:"calls"`
		Seconds float64 `json:"seconds"`
	}{request.N, time.Since(begin).Seconds()}, nil
}

type putter func(ctx context.Context, key string, value int32) (numbered, error)

func (c *clients) count(ctx context.Context, key string, calls int, put putter) error {
	for i := 1; i <= calls; i++ {
		answer, err := put(ctx, key, 1)
		if err != nil {
			return err
		}
		if answer.Value != int32(i) {
			return fmt.Errorf("addition %d gave %d", i, answer.Value)
		}
	}
	answer, err := c.readSession(ctx, key, false)
	if err != nil {
		return err
	}
	if answer.Value != int32(calls) {
		return fmt.Errorf("a session reads %d after %d additions", answer.Value, calls)
	}
	return nil
}
