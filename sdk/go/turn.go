package plugd

import (
	"context"
	"errors"
	"sync"
	"time"
)

// stepLimit is how long a step may take for which the host sets no limit.
const stepLimit = time.Minute

// turn is held by what the host has the plugin do, one thing at a time: a step begins when the one before has ended,
// and not only when the host waits for it no longer.
type turn struct {
	// place has room for one. A channel, for waits that end.
	place chan struct{}
	mutex sync.Mutex
	// undoable is the Pause or Release that is under way.
	undoable *undoable
}

// undoable is what Resume takes back.
type undoable struct {
	giveUp context.CancelCauseFunc
	// forsaken: Resume has come, and has waited in vain for this to end.
	forsaken bool
}

func newTurn() *turn { return &turn{place: make(chan struct{}, 1)} }

// take waits for the turn, and returns what gives it back. A step that nobody waits for any more is not begun: its
// host may have gone on to Resume, after which nothing would undo it.
func (t *turn) take(ctx context.Context) (give func(), err error) {
	ctx, cancel := limited(ctx)
	defer cancel()
	select {
	case t.place <- struct{}{}:
		if ctx.Err() == nil {
			return func() { <-t.place }, nil
		}
		<-t.place
	case <-ctx.Done():
	}
	return nil, handoffOrder.error("the step came too late, or another one has not ended: %v", context.Cause(ctx))
}

// takeUndoable is take for what Resume gives up and undoes: should Resume wait in vain, undo is called at the end.
func (t *turn) takeUndoable(ctx context.Context, undo func()) (step context.Context, give func(), err error) {
	step, giveUp := context.WithCancelCause(ctx)
	back, err := t.take(step)
	if err != nil {
		giveUp(nil)
		return nil, nil, err
	}
	one := &undoable{giveUp: giveUp}
	t.mutex.Lock()
	t.undoable = one
	t.mutex.Unlock()
	return step, func() {
		t.mutex.Lock()
		t.undoable = nil
		forsaken := one.forsaken
		t.mutex.Unlock()
		giveUp(nil)
		if forsaken {
			undo()
		}
		back()
	}, nil
}

// takeBack gives up what can be undone, and takes the turn when that has ended. Where it doesn't end in time it is
// undone when it does.
func (t *turn) takeBack(ctx context.Context) (give func(), err error) {
	var given *undoable
	t.mutex.Lock()
	if ctx.Err() == nil && t.undoable != nil {
		given = t.undoable
		given.giveUp(handoffGivenUp.error("the step was given up: Resume has come"))
	}
	t.mutex.Unlock()
	give, err = t.take(ctx)
	if err != nil && given != nil {
		t.mutex.Lock()
		given.forsaken = true
		t.mutex.Unlock()
	}
	return give, err
}

// run has the author's code run, and gives the turn back when it has ended. It returns no later than the context ends,
// by when the step has failed: with what went wrong according to late.
func run(ctx context.Context, give func(), late errorCode, name string, authors func() error) error {
	ended := make(chan error, 1)
	go func() {
		ended <- authors()
		give()
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	// Both may be so: giving back ends the context too.
	select {
	case err := <-ended:
		return err
	default:
		return tooLate(ctx, late.error("%s has not ended: %v", name, context.Cause(ctx)))
	}
}

// tooLate is what a step fails with: that it was given up, if it was, else this.
func tooLate(ctx context.Context, failure error) error {
	var given *stepError
	if errors.As(context.Cause(ctx), &given) {
		return given
	}
	return failure
}

// limited ends with stepLimit where the host sets no other limit.
func limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, stepLimit)
}
