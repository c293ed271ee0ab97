package drive

import "google.golang.org/grpc/health/grpc_health_v1"

type healthRequest struct {
	timed
	Service string `json:"service"`
}

func health(session *Session, request healthRequest) (any, error) {
	ctx, cancel := request.context()
	defer cancel()
	client := grpc_health_v1.NewHealthClient(session.connection)
	response, err := client.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: request.Service})
	if err != nil {
		return nil, err
	}
	return struct {
		Status string `json:"status"`
	}{response.GetStatus().String()}, nil
}
