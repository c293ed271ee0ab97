package drive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	kvv1 "plugd.invalid/plugins/gen/samples/kv/v1"
	probev1 "plugd.invalid/plugins/gen/samples/probe/v1"
)

type benchStartRequest struct {
	StartRequest
	// Runs is how many processes are started, one after the other.
	Runs int `json:"runs"`
}

// benchStart measures, for each run, the milliseconds from before the client is made to the first answer.
func benchStart(host *Host, request benchStartRequest) (any, error) {
	times := make([]float64, 0, request.Runs)
	for range request.Runs {
		elapsed, err := firstAnswer(host, request.StartRequest)
		if err != nil {
			return nil, err
		}
		times = append(times, milliseconds(elapsed))
	}
	return times, nil
}

func firstAnswer(host *Host, request StartRequest) (time.Duration, error) {
	begin := time.Now()
	session, err := host.open(request)
	if err != nil {
		return 0, err
	}
	defer host.kill(session)
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if _, err := session.kv.Get(ctx, &kvv1.GetRequest{Key: "key"}); err != nil {
		return 0, err
	}
	return time.Since(begin), nil
}

type benchUnaryRequest struct {
	Concurrency int `json:"concurrency"`
	// Calls at most; 0: as many as there is time for.
	Calls int `json:"calls"`
	// Millis after which no more calls begin; 0: no limit.
	Millis int `json:"millis"`
	// Size of the payload of Probe.Echo in bytes; 0 calls Kv.Get.
	Size int `json:"size"`
}

type benchAnswer struct {
	// Calls that were answered, or messages that came.
	Calls     int     `json:"calls"`
	Seconds   float64 `json:"seconds"`
	CPUUserMs float64 `json:"cpuUserMs"`
	CPUSysMs  float64 `json:"cpuSysMs"`
}

// benchUnary makes calls from so many loops at once, and tells what they took of time and of this process's CPU.
func benchUnary(session *Session, request benchUnaryRequest) (any, error) {
	if request.Concurrency < 1 || (request.Calls < 1 && request.Millis < 1) {
		return nil, fmt.Errorf("bench-unary: %d calls, %d ms, from %d loops",
			request.Calls, request.Millis, request.Concurrency)
	}
	call := unaryCall(session, request.Size)
	begin := time.Now()
	var begun, answered atomic.Int64
	more := func() bool {
		if request.Millis > 0 && time.Since(begin) >= time.Duration(request.Millis)*time.Millisecond {
			return false
		}
		return begun.Add(1) <= int64(request.Calls) || request.Calls == 0
	}
	return measured(func() (int, error) {
		var loops sync.WaitGroup
		failures := make(chan error, request.Concurrency)
		for range request.Concurrency {
			loops.Add(1)
			go func() {
				defer loops.Done()
				for more() {
					if err := call(); err != nil {
						failures <- err
						return
					}
					answered.Add(1)
				}
			}()
		}
		loops.Wait()
		select {
		case err := <-failures:
			return 0, err
		default:
			return int(answered.Load()), nil
		}
	})
}

type benchStreamRequest struct {
	// Count of messages in the one server stream.
	Count uint32 `json:"count"`
	// Size of the value in each, in bytes.
	Size int `json:"size"`
}

// benchStream reads one server stream of Kv.Watch to its end.
func benchStream(session *Session, request benchStreamRequest) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if _, err := session.kv.Put(ctx, &kvv1.PutRequest{Key: "bench", Value: pattern(request.Size)}); err != nil {
		return nil, err
	}
	return measured(func() (int, error) {
		stream, err := session.kv.Watch(ctx, &kvv1.WatchRequest{Key: "bench", Count: request.Count})
		if err != nil {
			return 0, err
		}
		for messages := 0; ; messages++ {
			if _, err := stream.Recv(); errors.Is(err, io.EOF) {
				return messages, nil
			} else if err != nil {
				return 0, err
			}
		}
	})
}

func measured(work func() (int, error)) (benchAnswer, error) {
	before, err := cpuTime()
	if err != nil {
		return benchAnswer{}, err
	}
	begin := time.Now()
	calls, err := work()
	if err != nil {
		return benchAnswer{}, err
	}
	elapsed := time.Since(begin)
	after, err := cpuTime()
	if err != nil {
		return benchAnswer{}, err
	}
	return benchAnswer{
		Calls:     calls,
		Seconds:   elapsed.Seconds(),
		CPUUserMs: milliseconds(after.user - before.user),
		CPUSysMs:  milliseconds(after.system - before.system),
	}, nil
}

func unaryCall(session *Session, size int) func() error {
	ctx := context.Background()
	if size > 0 {
		payload := pattern(size)
		return func() error {
			_, err := session.probe.Echo(ctx, &probev1.EchoRequest{Payload: payload})
			return err
		}
	}
	return func() error {
		_, err := session.kv.Get(ctx, &kvv1.GetRequest{Key: "key"})
		return err
	}
}

// cpu is what this process has used so far.
type cpu struct {
	user, system time.Duration
}
