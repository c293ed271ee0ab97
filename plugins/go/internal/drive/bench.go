package drive

import (
	"context"
	"fmt"
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
	Calls       int `json:"calls"`
	// Size of the payload of Probe.Echo in bytes; 0 calls Kv.Get.
	Size int `json:"size"`
}

type benchUnaryAnswer struct {
	Seconds   float64 `json:"seconds"`
	CPUUserMs float64 `json:"cpuUserMs"`
	CPUSysMs  float64 `json:"cpuSysMs"`
}

// benchUnary makes the calls from so many loops at once, and tells what they took of time and of this
// process's CPU.
func benchUnary(session *Session, request benchUnaryRequest) (any, error) {
	if request.Concurrency < 1 || request.Calls < 1 {
		return nil, fmt.Errorf("bench-unary: %d calls from %d loops", request.Calls, request.Concurrency)
	}
	call := unaryCall(session, request.Size)
	var taken atomic.Int64
	var loops sync.WaitGroup
	failures := make(chan error, request.Concurrency)
	before, err := cpuTime()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	for range request.Concurrency {
		loops.Add(1)
		go func() {
			defer loops.Done()
			for taken.Add(1) <= int64(request.Calls) {
				if err := call(); err != nil {
					failures <- err
					return
				}
			}
		}()
	}
	loops.Wait()
	elapsed := time.Since(begin)
	after, err := cpuTime()
	if err != nil {
		return nil, err
	}
	select {
	case err := <-failures:
		return nil, err
	default:
	}
	return benchUnaryAnswer{
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
