package plugd

import (
	"context"
	"time"

	lifecyclev1 "plugd.invalid/plugd/gen/plugd/lifecycle/v1"
)

// pauseLimit is how long a Pause may take for which the host sets no limit.
const pauseLimit = 10 * time.Second

// service is the contract's face of a Lifecycle.
type service struct {
	lifecyclev1.UnimplementedLifecycleServer
	lifecycle *Lifecycle
}

func (s *service) Describe(context.Context, *lifecyclev1.DescribeRequest) (*lifecyclev1.DescribeResponse, error) {
	options := s.lifecycle.options
	answer := &lifecyclev1.DescribeResponse{Name: options.Name, Version: options.Version, Single: options.Single}
	if state := options.State; state != nil {
		answer.State = &lifecyclev1.StateDescription{
			Schema:          state.Schema,
			Restores:        state.restores(),
			Shareable:       state.Shareable,
			SnapshotEveryMs: uint32(state.SnapshotEvery.Milliseconds()),
		}
	}
	for _, resource := range options.Resources {
		answer.Resources = append(answer.Resources, &lifecyclev1.Resource{
			Name: resource.Name, Kind: lifecyclev1.ResourceKind(resource.Kind),
		})
	}
	return answer, nil
}

func (s *service) Drain(ctx context.Context, _ *lifecyclev1.DrainRequest) (*lifecyclev1.DrainResponse, error) {
	s.lifecycle.drain(ctx)
	return &lifecyclev1.DrainResponse{}, nil
}

func (s *service) Pause(ctx context.Context, request *lifecyclev1.PauseRequest) (*lifecyclev1.PauseResponse, error) {
	limit := pauseLimit
	if asked := request.GetLimitMs(); asked > 0 {
		limit = time.Duration(asked) * time.Millisecond
	}
	return &lifecyclev1.PauseResponse{}, s.lifecycle.pause(ctx, limit)
}

func (s *service) Release(
	ctx context.Context, request *lifecyclev1.ReleaseRequest,
) (*lifecyclev1.ReleaseResponse, error) {
	return &lifecyclev1.ReleaseResponse{}, s.lifecycle.release(ctx, request.GetResources())
}

func (s *service) Activate(ctx context.Context, _ *lifecyclev1.ActivateRequest) (*lifecyclev1.ActivateResponse, error) {
	return &lifecyclev1.ActivateResponse{}, s.lifecycle.activate(ctx)
}

func (s *service) Resume(ctx context.Context, _ *lifecyclev1.ResumeRequest) (*lifecyclev1.ResumeResponse, error) {
	return &lifecyclev1.ResumeResponse{}, s.lifecycle.resume(ctx)
}
