package plugd

import (
	"context"
	"slices"
	"time"
)

// Each step may be asked for again: it does what is left of it.

// pause takes no longer than the limit.
func (l *Lifecycle) pause(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ctx, give, err := l.turn.takeUndoable(ctx, l.goOn)
	if err != nil {
		return err
	}
	if l.paused {
		give()
		return nil
	}
	if !l.active {
		give()
		return handoffOrder.error("the plugin is not active yet: Activate comes before Pause")
	}
	if err := l.gate.close(ctx, limit); err != nil {
		err = tooLate(ctx, err)
		give()
		return err
	}
	l.mustGoOn = true
	return run(ctx, give, pauseTimeout, "Hooks.Pause", func() error {
		if hook := l.options.Hooks.Pause; hook != nil {
			err := hook(ctx)
			if ctx.Err() != nil {
				// Nobody takes the plugin for paused. Should Resume not come, calls go on all the same.
				l.gate.open()
				return tooLate(ctx, pauseTimeout.error("Hooks.Pause had no more time: %v", context.Cause(ctx)))
			}
			if err != nil {
				l.gate.open()
				return handoffHookFailed.error("Hooks.Pause: %v", err)
			}
		}
		l.paused = true
		return nil
	})
}

func (l *Lifecycle) release(ctx context.Context, names []string) error {
	left, err := l.known(names)
	if err != nil {
		return err
	}
	ctx, cancel := limited(ctx)
	defer cancel()
	ctx, give, err := l.turn.takeUndoable(ctx, l.goOn)
	if err != nil {
		return err
	}
	left = slices.DeleteFunc(left, func(name string) bool { return slices.Contains(l.released, name) })
	hook := l.options.Hooks.Release
	if len(left) == 0 || hook == nil {
		l.released = append(l.released, left...)
		give()
		return nil
	}
	// Before the hook: what it lets go of before it fails must be taken again too.
	l.released = append(l.released, left...)
	return run(ctx, give, handoffHookFailed, "Hooks.Release", func() error {
		if err := hook(ctx, slices.Clone(left)); err != nil {
			return tooLate(ctx, handoffHookFailed.error("Hooks.Release: %v", err))
		}
		return nil
	})
}

// known is these resources, each once; without any, all that are exclusive.
func (l *Lifecycle) known(names []string) ([]string, error) {
	var known []string
	for _, resource := range l.options.Resources {
		if len(names) == 0 && resource.Kind == Exclusive {
			known = append(known, resource.Name)
		}
	}
	for _, name := range names {
		declared := slices.ContainsFunc(l.options.Resources, func(r Resource) bool { return r.Name == name })
		if !declared {
			return nil, resourceUnknown.error("the plugin has declared no resource %q", name)
		}
		if !slices.Contains(known, name) {
			known = append(known, name)
		}
	}
	return known, nil
}

func (l *Lifecycle) activate(ctx context.Context) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	give, err := l.turn.take(ctx)
	if err != nil {
		return err
	}
	if l.paused {
		give()
		return handoffOrder.error("the plugin is paused: it has been active already")
	}
	hook := l.options.Hooks.Activate
	if l.active || hook == nil {
		l.active = true
		give()
		return nil
	}
	return run(ctx, give, handoffHookFailed, "Hooks.Activate", func() error {
		if err := hook(ctx); err != nil {
			return handoffHookFailed.error("Hooks.Activate: %v", err)
		}
		l.active = true
		return nil
	})
}

func (l *Lifecycle) resume(ctx context.Context) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	give, err := l.turn.takeBack(ctx)
	if err != nil {
		return err
	}
	return run(ctx, give, handoffHookFailed, "Hooks.Resume", func() error { return l.undo(ctx) })
}

// goOn is a Resume for which nobody waits any more. Where it fails too, the plugin stays as it is.
func (l *Lifecycle) goOn() {
	ctx, cancel := context.WithTimeout(context.Background(), stepLimit)
	defer cancel()
	_ = l.undo(ctx)
}

// undo takes back what Pause, Release and Drain did, for who holds the turn.
func (l *Lifecycle) undo(ctx context.Context) error {
	if hook := l.options.Hooks.Resume; hook != nil && (l.mustGoOn || len(l.released) > 0) {
		if err := hook(ctx, slices.Clone(l.released)); err != nil {
			return handoffHookFailed.error("Hooks.Resume: %v", err)
		}
	}
	l.mustGoOn, l.paused, l.released = false, false, nil
	l.drainLock.Lock()
	if isClosed(l.draining) {
		l.draining = make(chan struct{})
	}
	l.drainLock.Unlock()
	l.gate.open()
	return nil
}

// drain does nothing for a host that waits for it no longer: it may have gone on to Resume.
func (l *Lifecycle) drain(ctx context.Context) {
	l.drainLock.Lock()
	defer l.drainLock.Unlock()
	if ctx.Err() != nil {
		return
	}
	if !isClosed(l.draining) {
		close(l.draining)
	}
	l.gate.refuse()
}

func isClosed(channel chan struct{}) bool {
	select {
	case <-channel:
		return true
	default:
		return false
	}
}
