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
	give, err := l.take(ctx)
	if err != nil {
		return err
	}
	defer give()
	if l.paused {
		return nil
	}
	if err := l.gate.close(ctx, limit); err != nil {
		return err
	}
	if hook := l.options.Hooks.Pause; hook != nil {
		l.mustGoOn = true
		if err := hook(ctx); err != nil {
			// Should Resume not come, calls go on all the same.
			l.gate.open()
			if ctx.Err() != nil {
				return pauseTimeout.error("Hooks.Pause had no more time: %v", err)
			}
			return handoffHookFailed.error("Hooks.Pause: %v", err)
		}
	}
	l.mustGoOn = true
	l.paused = true
	return nil
}

func (l *Lifecycle) release(ctx context.Context, names []string) error {
	give, err := l.take(ctx)
	if err != nil {
		return err
	}
	defer give()
	if len(names) == 0 {
		for _, resource := range l.options.Resources {
			if resource.Kind == Exclusive {
				names = append(names, resource.Name)
			}
		}
	}
	var left []string
	for _, name := range names {
		known := slices.ContainsFunc(l.options.Resources, func(r Resource) bool { return r.Name == name })
		if !known {
			return handoffOrder.error("the plugin has declared no resource %q", name)
		}
		if !slices.Contains(l.released, name) && !slices.Contains(left, name) {
			left = append(left, name)
		}
	}
	if len(left) == 0 {
		return nil
	}
	// Before the hook: what it lets go of before it fails must be taken again too.
	l.released = append(l.released, left...)
	if hook := l.options.Hooks.Release; hook != nil {
		if err := hook(ctx, left); err != nil {
			return handoffHookFailed.error("Hooks.Release: %v", err)
		}
	}
	return nil
}

func (l *Lifecycle) activate(ctx context.Context) error {
	give, err := l.take(ctx)
	if err != nil {
		return err
	}
	defer give()
	if l.active {
		return nil
	}
	if hook := l.options.Hooks.Activate; hook != nil {
		if err := hook(ctx); err != nil {
			return handoffHookFailed.error("Hooks.Activate: %v", err)
		}
	}
	l.active = true
	return nil
}

func (l *Lifecycle) resume(ctx context.Context) error {
	give, err := l.take(ctx)
	if err != nil {
		return err
	}
	defer give()
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

func (l *Lifecycle) drain() {
	l.drainLock.Lock()
	if !isClosed(l.draining) {
		close(l.draining)
	}
	l.drainLock.Unlock()
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
