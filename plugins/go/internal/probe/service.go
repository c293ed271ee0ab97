// Package probe is samples.probe.v1.Probe: what tests and benchmarks ask of a plugin.
package probe

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	probev1 "plugd.invalid/plugins/gen/samples/probe/v1"
)

// Service answers samples.probe.v1.Probe.
type Service struct {
	probev1.UnimplementedProbeServer
	protocolVersion uint32
	logger          hclog.Logger
	cancelledSleeps atomic.Uint32
}

// NewService returns a service that reports protocolVersion and logs with logger.
func NewService(protocolVersion uint32, logger hclog.Logger) *Service {
	return &Service{protocolVersion: protocolVersion, logger: logger}
}

// Echo gives the payload back.
func (s *Service) Echo(_ context.Context, request *probev1.EchoRequest) (*probev1.EchoResponse, error) {
	return &probev1.EchoResponse{Payload: request.GetPayload()}, nil
}

// Print writes to what os.Stdout or os.Stderr is now: since Serve, a pipe that feeds GRPCStdio.
func (s *Service) Print(_ context.Context, request *probev1.PrintRequest) (*probev1.PrintResponse, error) {
	var target io.Writer
	switch request.GetTarget() {
	case probev1.PrintRequest_TARGET_STDOUT:
		target = os.Stdout
	case probev1.PrintRequest_TARGET_STDERR:
		target = os.Stderr
	default:
		return nil, status.Errorf(codes.InvalidArgument, "target %d is neither stdout nor stderr", request.GetTarget())
	}
	if _, err := io.WriteString(target, request.GetText()); err != nil {
		return nil, fmt.Errorf("print: %w", err)
	}
	return &probev1.PrintResponse{}, nil
}

// Log writes one record; its fields go out sorted by key, so that runs can be compared.
func (s *Service) Log(_ context.Context, request *probev1.LogRequest) (*probev1.LogResponse, error) {
	level := hclog.LevelFromString(request.GetLevel())
	if level == hclog.NoLevel {
		return nil, status.Errorf(codes.InvalidArgument, "%q is no log level", request.GetLevel())
	}
	fields := request.GetFields()
	keys := make([]string, 0, len(fields))
	for key := range fields {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	pairs := make([]any, 0, 2*len(keys))
	for _, key := range keys {
		pairs = append(pairs, key, fields[key])
	}
	s.logger.Log(level, request.GetMessage(), pairs...)
	return &probev1.LogResponse{}, nil
}

// Fail ends with the status it is asked for.
func (s *Service) Fail(_ context.Context, request *probev1.FailRequest) (*probev1.FailResponse, error) {
	return &probev1.FailResponse{}, status.Error(codes.Code(request.GetCode()), request.GetMessage())
}

// Sleep answers after the duration. A caller that gives up before is counted; Inspect tells the count.
func (s *Service) Sleep(ctx context.Context, request *probev1.SleepRequest) (*probev1.SleepResponse, error) {
	timer := time.NewTimer(time.Duration(request.GetDurationMs()) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return &probev1.SleepResponse{}, nil
	case <-ctx.Done():
		s.cancelledSleeps.Add(1)
		return nil, status.FromContextError(ctx.Err()).Err()
	}
}

// Inspect tells what the plugin sees of its surroundings and of this call.
func (s *Service) Inspect(ctx context.Context, request *probev1.InspectRequest) (*probev1.InspectResponse, error) {
	directory, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("working directory: %w", err)
	}
	environment := make(map[string]string)
	for _, name := range request.GetEnvironment() {
		if value, found := os.LookupEnv(name); found {
			environment[name] = value
		}
	}
	incoming, _ := metadata.FromIncomingContext(ctx)
	flat := make(map[string]string, len(incoming))
	for key, values := range incoming {
		flat[key] = strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")
	}
	return &probev1.InspectResponse{
		Environment:      environment,
		Arguments:        os.Args[1:],
		WorkingDirectory: directory,
		ProtocolVersion:  s.protocolVersion,
		Metadata:         flat,
		CancelledSleeps:  s.cancelledSleeps.Load(),
	}, nil
}
