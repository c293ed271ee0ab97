// Package kv is the key-value store of the old samples.
package kv

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	kvv1 "plugd.invalid/plugins-old/gen/samples/kv/v1"
)

// version signs the answers.
const version = "old"

// Service answers samples.kv.v1.Kv.
type Service struct {
	kvv1.UnimplementedKvServer
	pid    int32
	mutex  sync.Mutex
	values map[string][]byte
}

// NewService returns an empty store.
func NewService() *Service {
	return &Service{pid: int32(os.Getpid()), values: make(map[string][]byte)}
}

func (s *Service) get(key string) ([]byte, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	value, found := s.values[key]
	return value, found
}

func (s *Service) put(key string, value []byte) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.values[key] = value
}

func (s *Service) Get(_ context.Context, request *kvv1.GetRequest) (*kvv1.GetResponse, error) {
	value, found := s.get(request.GetKey())
	return &kvv1.GetResponse{Found: found, Value: value, ServedBy: version, Pid: s.pid}, nil
}

func (s *Service) Put(_ context.Context, request *kvv1.PutRequest) (*kvv1.PutResponse, error) {
	s.put(request.GetKey(), request.GetValue())
	return &kvv1.PutResponse{ServedBy: version, Pid: s.pid}, nil
}

func (s *Service) Watch(request *kvv1.WatchRequest, stream kvv1.Kv_WatchServer) error {
	for i := uint32(1); request.GetCount() == 0 || i <= request.GetCount(); i++ {
		value, _ := s.get(request.GetKey())
		answer := &kvv1.WatchResponse{Sequence: i, Value: value, ServedBy: version, Pid: s.pid}
		if err := stream.Send(answer); err != nil {
			return err
		}
		select {
		case <-stream.Context().Done():
			return stream.Context().Err()
		case <-time.After(time.Duration(request.GetIntervalMs()) * time.Millisecond):
		}
	}
	return nil
}

func (s *Service) Load(stream kvv1.Kv_LoadServer) error {
	for stored := uint32(0); ; stored++ {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(&kvv1.LoadResponse{Stored: stored, ServedBy: version, Pid: s.pid})
		}
		if err != nil {
			return err
		}
		s.put(request.GetKey(), request.GetValue())
	}
}

func (s *Service) Chat(stream kvv1.Kv_ChatServer) error {
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		answer := &kvv1.ChatResponse{
			Sequence: request.GetSequence(), Text: request.GetText(), ServedBy: version, Pid: s.pid,
		}
		if err := stream.Send(answer); err != nil {
			return err
		}
	}
}
