package plugd

import (
	"context"
	"errors"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Each step may be asked for again: it does what is left of it.

func (l *Lifecycle) pause(ctx context.Context) error {
	give, err := l.take(ctx)
	if err != nil {
		return err
	}
	defer give()
	if l.paused {
		return nil
	}
	if err := l.gate.close(ctx); err != nil {
		return err
	}
	if hook := l.options.Hooks.Pause; hook != nil {
		l.mustGoOn = true
		if err := hook(ctx); err != nil {
			// Should Resume not come, calls go on all the same.
			l.gate.open()
			return failure("Hooks.Pause", err)
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
			return status.Errorf(codes.InvalidArgument, "there is no resource %q", name)
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
			return failure("Hooks.Release", err)
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
			return failure("Hooks.Activate", err)
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
			return failure("Hooks.Resume", err)
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

// failure is the status for an error of the author's, whose own status stands.
func failure(what string, err error) error {
	code := codes.Unknown
	if own, ok := status.FromError(err); ok {
		code = own.Code()
	} else if errors.Is(err, context.DeadlineExceeded) {
		code = codes.DeadlineExceeded
	} else if errors.Is(err, context.Canceled) {
		code = codes.Canceled
	}
	return status.Errorf(code, "%s: %v", what, err)
}
