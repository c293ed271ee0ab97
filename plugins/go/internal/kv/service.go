package kv

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"google.golang.org/grpc"

	kvv1 "plugd.invalid/plugins/gen/samples/kv/v1"
)

// Service answers samples.kv.v1.Kv. Every answer carries the version and the process that gave it.
type Service struct {
	kvv1.UnimplementedKvServer
	version string
	pid     int32
	store   *store
}

// NewService returns an empty store that signs its answers with version.
func NewService(version string) *Service {
	return &Service{version: version, pid: int32(os.Getpid()), store: newStore()}
}

// Get answers whether a key is there and what it holds.
func (s *Service) Get(_ context.Context, request *kvv1.GetRequest) (*kvv1.GetResponse, error) {
	value, found := s.store.get(request.GetKey())
	return &kvv1.GetResponse{Found: found, Value: value, ServedBy: s.version, Pid: s.pid}, nil
}

// Put stores one value.
func (s *Service) Put(_ context.Context, request *kvv1.PutRequest) (*kvv1.PutResponse, error) {
	s.store.put(request.GetKey(), request.GetValue())
	return &kvv1.PutResponse{ServedBy: s.version, Pid: s.pid}, nil
}

// Watch sends what the key holds, numbered, at the interval; a count of 0 goes on until the caller leaves.
func (s *Service) Watch(request *kvv1.WatchRequest, stream grpc.ServerStreamingServer[kvv1.WatchResponse]) error {
	interval := time.Duration(request.GetIntervalMs()) * time.Millisecond
	for sequence := uint32(1); request.GetCount() == 0 || sequence <= request.GetCount(); sequence++ {
		if sequence > 1 && interval > 0 {
			if err := pause(stream.Context(), interval); err != nil {
				return err
			}
		}
		value, _ := s.store.get(request.GetKey())
		answer := &kvv1.WatchResponse{Sequence: sequence, Value: value, ServedBy: s.version, Pid: s.pid}
		if err := stream.Send(answer); err != nil {
			return err
		}
	}
	return nil
}

// Load stores what arrives and answers with how many values that were.
func (s *Service) Load(stream grpc.ClientStreamingServer[kvv1.LoadRequest, kvv1.LoadResponse]) error {
	stored := uint32(0)
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(&kvv1.LoadResponse{Stored: stored, ServedBy: s.version, Pid: s.pid})
		}
		if err != nil {
			return err
		}
		s.store.put(request.GetKey(), request.GetValue())
		stored++
	}
}

// Chat gives each message back, in order.
func (s *Service) Chat(stream grpc.BidiStreamingServer[kvv1.ChatRequest, kvv1.ChatResponse]) error {
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		answer := &kvv1.ChatResponse{
			Sequence: request.GetSequence(), Text: request.GetText(), ServedBy: s.version, Pid: s.pid,
		}
		if err := stream.Send(answer); err != nil {
			return err
		}
	}
}

// pause waits for the duration, or fails as soon as the caller gives up.
func pause(ctx context.Context, duration time.Duration) error {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
