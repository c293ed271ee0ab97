package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/status"
)

// callTimeout bounds every call of an operation that names no limit of its own.
const callTimeout = 30 * time.Second

// leaveTimeout is what a plugin gets to leave when this host ends; after it, it is killed.
const leaveTimeout = 5 * time.Second

// Host runs operations on at most one plugin at a time; benchmarks of starting have theirs beside it.
type Host struct {
	mutex   sync.Mutex
	closed  bool
	session *Session
	// Every process that was not seen to end, so that none outlives this host.
	alive map[*Session]struct{}
}

// operation takes the whole request, so that each one reads the fields it knows.
type operation func(host *Host, request json.RawMessage) (any, error)

type envelope struct {
	ID int    `json:"id"`
	Op string `json:"op"`
}

type answer struct {
	ID    int      `json:"id"`
	OK    any      `json:"ok,omitempty"`
	Error *failure `json:"error,omitempty"`
}

// failure has the number of the gRPC status where a call failed; elsewhere only the message.
type failure struct {
	Message string `json:"message"`
	Code    *int   `json:"code,omitempty"`
	Status  string `json:"status,omitempty"`
}

func newFailure(err error) *failure {
	if state, ok := status.FromError(err); ok {
		code := int(state.Code())
		return &failure{Message: state.Message(), Code: &code, Status: state.Code().String()}
	}
	return &failure{Message: err.Error()}
}

// Run reads requests until input ends and answers each when it is done, in whatever order that is. Then it
// stops what is left running.
func (h *Host) Run(input io.Reader, output io.Writer) error {
	var running sync.WaitGroup
	var writing sync.Mutex
	encoder := json.NewEncoder(output)
	decoder := json.NewDecoder(input)
	var failed error
	for {
		var request json.RawMessage
		if err := decoder.Decode(&request); err != nil {
			if !errors.Is(err, io.EOF) {
				failed = fmt.Errorf("request: %w", err)
			}
			break
		}
		running.Add(1)
		go func() {
			defer running.Done()
			reply := h.answer(request)
			writing.Lock()
			defer writing.Unlock()
			_ = encoder.Encode(reply)
		}()
	}
	h.Close()
	running.Wait()
	return failed
}

func (h *Host) answer(request json.RawMessage) answer {
	var head envelope
	if err := json.Unmarshal(request, &head); err != nil {
		return answer{Error: newFailure(err)}
	}
	run, found := operations[head.Op]
	if !found {
		return answer{ID: head.ID, Error: newFailure(fmt.Errorf("no operation %q", head.Op))}
	}
	result, err := run(h, request)
	if err != nil {
		return answer{ID: head.ID, Error: newFailure(err)}
	}
	if result == nil {
		result = struct{}{}
	}
	return answer{ID: head.ID, OK: result}
}

// Close stops what runs, within leaveTimeout, and lets nothing start any more.
func (h *Host) Close() {
	h.mutex.Lock()
	h.closed = true
	alive := slices.Collect(maps.Keys(h.alive))
	h.mutex.Unlock()
	var leaving sync.WaitGroup
	for _, session := range alive {
		leaving.Add(1)
		go func() {
			defer leaving.Done()
			timer := time.AfterFunc(leaveTimeout, session.Abandon)
			defer timer.Stop()
			h.kill(session)
		}()
	}
	leaving.Wait()
}

// open starts a plugin that Close will find.
func (h *Host) open(request StartRequest) (*Session, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.closed {
		return nil, errors.New("this host is closed")
	}
	session, err := Start(request)
	if err != nil {
		return nil, err
	}
	if h.alive == nil {
		h.alive = make(map[*Session]struct{})
	}
	h.alive[session] = struct{}{}
	return session, nil
}

func (h *Host) kill(session *Session) Killed {
	killed := session.Kill()
	h.mutex.Lock()
	defer h.mutex.Unlock()
	delete(h.alive, session)
	return killed
}

func (h *Host) current() (*Session, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.session == nil {
		return nil, errors.New("no plugin was started")
	}
	return h.session, nil
}

// start replaces a plugin that has ended, never one that runs.
func (h *Host) start(request StartRequest) (any, error) {
	if session, err := h.current(); err == nil && !session.client.Exited() {
		return nil, errors.New("a plugin is running: kill it first")
	}
	session, err := h.open(request)
	if err != nil {
		return nil, err
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.session = session
	return session.Started(), nil
}

// timed is the part of a request that bounds its calls. CancelAfterMs gives up as a caller who leaves does.
type timed struct {
	TimeoutMs     int               `json:"timeoutMs"`
	CancelAfterMs int               `json:"cancelAfterMs"`
	Metadata      map[string]string `json:"metadata"`
}

func (t timed) context() (context.Context, context.CancelFunc) {
	timeout := callTimeout
	if t.TimeoutMs > 0 {
		timeout = time.Duration(t.TimeoutMs) * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(withMetadata(context.Background(), t.Metadata), timeout)
	if t.CancelAfterMs > 0 {
		time.AfterFunc(time.Duration(t.CancelAfterMs)*time.Millisecond, cancel)
	}
	return ctx, cancel
}
