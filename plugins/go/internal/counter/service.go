package counter

import (
	"context"
	"os"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"plugd.invalid/plugd"
	counterv1 "plugd.invalid/plugins/gen/samples/counter/v1"
	"plugd.invalid/plugins/internal/brokered"
)

// Service answers samples.counter.v1.Counter. Every answer carries the version and the process that gave it.
type Service struct {
	counterv1.UnimplementedCounterServer
	broker  *plugin.GRPCBroker
	version string
	pid     int32
	store   *Store
}

// NewService returns a counter that keeps its numbers in store, calls back through broker and signs with version.
func NewService(version string, broker *plugin.GRPCBroker, store *Store) *Service {
	return &Service{broker: broker, version: version, pid: int32(os.Getpid()), store: store}
}

// Put has the host add, unless it has no helper for it.
func (s *Service) Put(ctx context.Context, request *counterv1.PutRequest) (*counterv1.PutResponse, error) {
	answer := &counterv1.PutResponse{ServedBy: s.version, Pid: s.pid}
	err := s.store.update(request.GetKey(), func(old int32) (int32, error) {
		sum, err := s.sum(ctx, request.GetHelper(), old, request.GetValue())
		answer.Value = sum
		return sum, err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// sum dials the host's helper for one call. The connection is closed before Put is answered: the host then
// takes its helper away, and gRPC would try to connect again.
func (s *Service) sum(ctx context.Context, helper uint32, a, b int32) (int32, error) {
	if helper == 0 {
		return a + b, nil
	}
	connection, err := s.broker.Dial(helper)
	if err != nil {
		return 0, status.Errorf(codes.Unavailable, "helper %d: %v", helper, err)
	}
	defer connection.Close()
	helping := counterv1.NewAddHelperClient(plugd.Carry(connection))
	response, err := helping.Sum(ctx, &counterv1.SumRequest{A: a, B: b})
	if err != nil {
		return 0, err
	}
	return response.GetR(), nil
}

// Get answers whether a key is there and what it holds.
func (s *Service) Get(_ context.Context, request *counterv1.GetRequest) (*counterv1.GetResponse, error) {
	value, found := s.store.get(request.GetKey())
	return &counterv1.GetResponse{Found: found, Value: value, ServedBy: s.version, Pid: s.pid}, nil
}

// Open serves a session, which lasts as long as the host's connection to it.
func (s *Service) Open(context.Context, *counterv1.OpenRequest) (*counterv1.OpenResponse, error) {
	server, err := brokered.ServeUntilLeft(s.broker, func(server *grpc.Server) {
		counterv1.RegisterCounterSessionServer(server, &session{counter: s})
	})
	if err != nil {
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	return &counterv1.OpenResponse{Session: server.ID, ServedBy: s.version, Pid: s.pid}, nil
}

// session answers samples.counter.v1.CounterSession from the store of the counter that opened it.
type session struct {
	counterv1.UnimplementedCounterSessionServer
	counter *Service
}

// Read answers what a key holds; 0 where there is none.
func (s *session) Read(_ context.Context, request *counterv1.ReadRequest) (*counterv1.ReadResponse, error) {
	value, _ := s.counter.store.get(request.GetKey())
	return &counterv1.ReadResponse{Value: value, ServedBy: s.counter.version, Pid: s.counter.pid}, nil
}
