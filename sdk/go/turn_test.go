package plugd

import (
	"context"
	"errors"
	"testing"
	"time"
)

// slow has an exclusive port whose hooks pay no heed to their contexts: they end when they are told to.
type slow struct {
	life       *Lifecycle
	begun, end chan string
	held       bool
	pausing    bool
}

func newSlow(t *testing.T) *slow {
	t.Helper()
	s := &slow{begun: make(chan string), end: make(chan string), held: true}
	wait := func(name string) {
		s.begun <- name
		<-s.end
	}
	s.life = New(Options{
		Name: "slow", Version: "1.0.0",
		Resources: []Resource{{Name: "port", Kind: Exclusive}},
		Hooks: Hooks{
			Pause: func(context.Context) error {
				wait("pause")
				s.pausing = true
				return nil
			},
			Release: func(context.Context, []string) error {
				wait("release")
				s.held = false
				return nil
			},
			Resume: func(context.Context, []string) error {
				s.pausing, s.held = false, true
				return nil
			},
		},
	})
	activated(t, s.life)
	return s
}

func activated(t *testing.T, life *Lifecycle) {
	t.Helper()
	if err := life.activate(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func brief(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func expectCode(t *testing.T, err error, code errorCode) {
	t.Helper()
	var failed *stepError
	if !errors.As(err, &failed) || failed.code != code {
		t.Fatalf("%v, not %s", err, code.name)
	}
}

// quiet waits until no step is under way.
func (s *slow) quiet(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	give, err := s.life.turn.take(ctx)
	if err != nil {
		t.Fatal(err)
	}
	give()
}

func TestAStepThatNobodyWaitsForIsNotBegun(t *testing.T) {
	gone, leave := context.WithCancel(context.Background())
	leave()
	// A select with two ready cases takes either.
	for range 100 {
		if _, err := newTurn().take(gone); err == nil {
			t.Fatal("a step began whose host had left")
		}
	}
	life := New(Options{
		Name: "gone", Version: "1.0.0",
		Resources: []Resource{{Name: "port", Kind: Exclusive}},
		Hooks: Hooks{Release: func(context.Context, []string) error {
			t.Error("released")
			return nil
		}},
	})
	activated(t, life)
	expectCode(t, life.pause(gone, time.Second), handoffOrder)
	expectCode(t, life.release(gone, nil), handoffOrder)
	if life.drain(gone); isClosed(life.draining) {
		t.Error("drained")
	}
	// Nor does a Resume that comes too late undo what came after it.
	if err := life.pause(context.Background(), time.Second); err != nil {
		t.Fatal(err)
	}
	expectCode(t, life.resume(gone), handoffOrder)
	if !life.paused {
		t.Error("resumed")
	}
}

func TestAResumeThatNobodyWaitsForGivesNothingUp(t *testing.T) {
	s := newSlow(t)
	outcome := make(chan error)
	go func() { outcome <- s.life.pause(context.Background(), 20*time.Second) }()
	<-s.begun
	gone, leave := context.WithCancel(context.Background())
	leave()
	expectCode(t, s.life.resume(gone), handoffOrder)
	s.end <- ""
	if err := <-outcome; err != nil {
		t.Fatal(err)
	}
	s.quiet(t)
	if !s.life.paused || !s.pausing {
		t.Fatal("it was undone")
	}
}

func TestAHookThatDoesNotEndFailsItsStepInTime(t *testing.T) {
	s := newSlow(t)
	outcome := make(chan error)
	go func() { outcome <- s.life.pause(context.Background(), 20*time.Millisecond) }()
	<-s.begun
	expectCode(t, <-outcome, pauseTimeout)
	s.end <- ""
	s.quiet(t)
	// What it says now is too late to be taken for a pause.
	if s.life.paused || s.life.gate.changed != nil {
		t.Fatal("paused, and nobody knows")
	}
	if !s.pausing {
		t.Fatal("the hook has not ended")
	}
	if err := s.life.resume(context.Background()); err != nil || s.pausing {
		t.Fatal(err, s.pausing)
	}
}

func TestResumeWaitsForAHookThatIsLateAndUndoesIt(t *testing.T) {
	s := newSlow(t)
	released := brief(t)
	outcome := make(chan error)
	go func() { outcome <- s.life.release(released, nil) }()
	<-s.begun
	expectCode(t, <-outcome, handoffHookFailed)
	go func() { outcome <- s.life.resume(context.Background()) }()
	select {
	case err := <-outcome:
		t.Fatal("Resume did not wait", err)
	case <-time.After(30 * time.Millisecond):
	}
	s.end <- ""
	if err := <-outcome; err != nil || !s.held {
		t.Fatal(err, s.held)
	}
}

func TestAHookThatEndsAfterResumeGaveUpIsUndoneAllTheSame(t *testing.T) {
	s := newSlow(t)
	outcome := make(chan error)
	for _, step := range []func() error{
		func() error { return s.life.release(brief(t), nil) },
		func() error { return s.life.pause(context.Background(), 20*time.Millisecond) },
	} {
		go func() { outcome <- step() }()
		<-s.begun
		if err := <-outcome; err == nil {
			t.Fatal("it has not ended")
		}
		expectCode(t, s.life.resume(brief(t)), handoffOrder)
		s.end <- ""
		s.quiet(t)
		if !s.held || s.pausing || s.life.paused || len(s.life.released) > 0 {
			t.Fatal("what came after Resume stayed")
		}
	}
	// And not what comes later.
	go func() { outcome <- s.life.pause(context.Background(), 20*time.Second) }()
	<-s.begun
	s.end <- ""
	if err := <-outcome; err != nil {
		t.Fatal(err)
	}
	s.quiet(t)
	if !s.life.paused || !s.pausing {
		t.Fatal("a Resume of before undid it")
	}
}

func TestResumeGivesUpAPauseThatIsUnderWay(t *testing.T) {
	life := New(Options{Name: "busy", Version: "1.0.0"})
	activated(t, life)
	busy := &call{method: "/a/b"}
	if err := life.gate.enter(context.Background(), busy); err != nil {
		t.Fatal(err)
	}
	outcome := make(chan error)
	go func() { outcome <- life.pause(context.Background(), 20*time.Second) }()
	for {
		life.turn.mutex.Lock()
		begun := life.turn.undoable != nil
		life.turn.mutex.Unlock()
		if begun {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err := life.resume(context.Background()); err != nil {
		t.Fatal(err)
	}
	expectCode(t, <-outcome, handoffGivenUp)
	life.gate.leave(busy)
	if err := life.gate.enter(brief(t), &call{method: "/a/b"}); err != nil {
		t.Fatal(err)
	}
}
