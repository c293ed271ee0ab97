// Package feed is samples.feed.v1.Feed: streams without an end.
package feed

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"google.golang.org/grpc"

	"plugd.invalid/plugd"
	feedv1 "plugd.invalid/plugins/gen/samples/feed/v1"
)

// Service makes up what it sends on the way, so any version goes on where another one stood.
type Service struct {
	feedv1.UnimplementedFeedServer
	version string
	pid     int32
}

// NewService returns a service that signs its answers with version.
func NewService(version string) *Service {
	return &Service{version: version, pid: int32(os.Getpid())}
}

// Follow sends the numbers after the one that it is given, until it drains or the caller leaves.
func (s *Service) Follow(request *feedv1.FollowRequest, stream grpc.ServerStreamingServer[feedv1.FollowResponse]) error {
	ctx := stream.Context()
	return numbersAfter(ctx, plugd.Draining(ctx), request.GetAfter(), request.GetIntervalMs(), func(sequence uint64) error {
		return stream.Send(&feedv1.FollowResponse{Sequence: sequence, ServedBy: s.version, Pid: s.pid})
	})
}

// Deliver does the same.
func (s *Service) Deliver(request *feedv1.DeliverRequest, stream grpc.ServerStreamingServer[feedv1.DeliverResponse]) error {
	ctx := stream.Context()
	return numbersAfter(ctx, plugd.Draining(ctx), request.GetSequence(), request.GetIntervalMs(), func(sequence uint64) error {
		return stream.Send(&feedv1.DeliverResponse{Sequence: sequence, ServedBy: s.version, Pid: s.pid})
	})
}

// Tick sends numbers from 1 on until the caller leaves.
func (s *Service) Tick(request *feedv1.TickRequest, stream grpc.ServerStreamingServer[feedv1.TickResponse]) error {
	return numbersAfter(stream.Context(), nil, 0, request.GetIntervalMs(), func(sequence uint64) error {
		return stream.Send(&feedv1.TickResponse{Sequence: sequence, ServedBy: s.version, Pid: s.pid})
	})
}

// Exchange gives each message back, in order, until it drains.
func (s *Service) Exchange(stream grpc.BidiStreamingServer[feedv1.ExchangeRequest, feedv1.ExchangeResponse]) error {
	ctx := stream.Context()
	numbers := make(chan uint64)
	ended := make(chan error, 1)
	go func() {
		for {
			request, err := stream.Recv()
			if err != nil {
				ended <- err
				return
			}
			select {
			case numbers <- request.GetNumber():
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case number := <-numbers:
			if err := stream.Send(&feedv1.ExchangeResponse{Number: number, ServedBy: s.version, Pid: s.pid}); err != nil {
				return err
			}
		case err := <-ended:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		case <-plugd.Draining(ctx):
			return nil
		}
	}
}

// numbersAfter ends without an error when it drains. A kv that is not served with plugd's SDK never hears of that.
func numbersAfter(ctx context.Context, draining <-chan struct{}, last uint64, intervalMs uint32, send func(uint64) error) error {
	interval := time.Duration(intervalMs) * time.Millisecond
	for sequence := last + 1; ; sequence++ {
		if err := send(sequence); err != nil {
			return err
		}
		select {
		case <-draining:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interval):
		}
	}
}
