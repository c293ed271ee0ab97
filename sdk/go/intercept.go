package plugd

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/tap"
)

type arrivedKey struct{}

// tap sees calls in the order of the wire. Interceptors don't: each runs in a goroutine of its own, and a Pause could
// overtake calls that were sent before it.
func (l *Lifecycle) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	if !mayChangeState(info.FullMethodName) {
		return ctx, nil
	}
	return context.WithValue(ctx, arrivedKey{}, l.gate.arrive(ctx, info.FullMethodName)), nil
}

func (l *Lifecycle) unary(
	ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
) (any, error) {
	ctx, leave, err := l.enter(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	defer leave()
	answer, err := handler(ctx, request)
	inTrailer(ctx, err)
	return answer, err
}

func (l *Lifecycle) stream(
	server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler,
) error {
	ctx, leave, err := l.enter(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	defer leave()
	err = handler(server, &handledStream{ServerStream: stream, ctx: ctx})
	inTrailer(ctx, err)
	return err
}

type handledStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *handledStream) Context() context.Context { return s.ctx }

type handlingKey struct{}

// handling is a call whose handler runs.
type handling struct {
	lifecycle *Lifecycle
	ended     atomic.Bool
}

func handlingOf(ctx context.Context) *handling {
	found, _ := ctx.Value(handlingKey{}).(*handling)
	return found
}

// enter returns when the call may be handled, with the handler's context and what ends it.
func (l *Lifecycle) enter(ctx context.Context, method string) (context.Context, func(), error) {
	if err := l.begin(ctx, method); err != nil {
		inTrailer(ctx, err)
		return nil, nil, err
	}
	handling := &handling{lifecycle: l}
	leave := func() { handling.ended.Store(true) }
	entering, _ := ctx.Value(arrivedKey{}).(*call)
	if entering == nil && mayChangeState(method) {
		// Over a transport without taps.
		entering = &call{method: method}
	}
	if entering != nil {
		if err := l.gate.enter(ctx, entering); err != nil {
			inTrailer(ctx, err)
			return nil, nil, err
		}
		leave = func() {
			handling.ended.Store(true)
			l.gate.leave(entering)
		}
	}
	return context.WithValue(ctx, handlingKey{}, handling), leave, nil
}
