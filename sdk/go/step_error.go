package plugd

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// What a host is told in trailers: the code of plugd's own, which docs/errors.md explains, and of a call that failed,
// whether it may have been executed.
const (
	codeTrailer     = "plugd-code"
	executedTrailer = "plugd-executed"
)

// errorCode is one of plugd's own, with the status in which it reaches the host.
type errorCode struct {
	name   string
	status codes.Code
}

var (
	stateSchemaUnknown = errorCode{"STATE_SCHEMA_UNKNOWN", codes.FailedPrecondition}
	stateIncomplete    = errorCode{"STATE_INCOMPLETE", codes.DataLoss}
	stateCodecFailed   = errorCode{"STATE_CODEC_FAILED", codes.Internal}
	pluginPaused       = errorCode{"PLUGIN_PAUSED", codes.Unavailable}
	pauseTimeout       = errorCode{"PAUSE_TIMEOUT", codes.DeadlineExceeded}
	handoffHookFailed  = errorCode{"HANDOFF_HOOK_FAILED", codes.Internal}
	handoffOrder       = errorCode{"HANDOFF_ORDER", codes.FailedPrecondition}
	handoffGivenUp     = errorCode{"HANDOFF_ORDER", codes.Aborted}
	resourceUnknown    = errorCode{"HANDOFF_ORDER", codes.InvalidArgument}
)

// stepError is a step that failed, or a call that waited in vain.
type stepError struct {
	code errorCode
	text string
}

func (c errorCode) error(format string, args ...any) error {
	return &stepError{c, fmt.Sprintf(format, args...)}
}

func (e *stepError) Error() string { return e.text }

// GRPCStatus is how gRPC learns what to answer.
func (e *stepError) GRPCStatus() *status.Status { return status.New(e.code.status, e.text) }

// inTrailer says in the call's trailer what its status can't.
func inTrailer(ctx context.Context, err error) {
	var failed *stepError
	if !errors.As(err, &failed) {
		return
	}
	trailer := metadata.Pairs(codeTrailer, failed.code.name)
	if failed.code == pluginPaused {
		trailer.Set(executedTrailer, "no")
	}
	// It fails only where the call has ended: nobody reads the trailer then.
	_ = grpc.SetTrailer(ctx, trailer)
}
