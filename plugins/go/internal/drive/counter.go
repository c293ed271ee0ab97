package drive

import (
	"context"

	"google.golang.org/grpc"

	counterv1 "plugd.invalid/plugins/gen/samples/counter/v1"
	"plugd.invalid/plugins/internal/brokered"
)

// addHelper is what this host serves to a counter.
type addHelper struct {
	counterv1.UnimplementedAddHelperServer
}

func (addHelper) Sum(_ context.Context, request *counterv1.SumRequest) (*counterv1.SumResponse, error) {
	return &counterv1.SumResponse{R: request.GetA() + request.GetB()}, nil
}

func (c *clients) serveHelper() (*brokered.Server, error) {
	return brokered.Serve(c.broker, func(server *grpc.Server) {
		counterv1.RegisterAddHelperServer(server, addHelper{})
	})
}

type counterRequest struct {
	timed
	Key   string `json:"key"`
	Value int32  `json:"value"`
	// Helper is an id from counter-serve, or one that nobody serves; left out, this call serves one of its own.
	Helper *uint32 `json:"helper"`
	// Keep leaves the connection to a session open until the plugin ends.
	Keep bool `json:"keep"`
}

type numbered struct {
	Value int32 `json:"value"`
	served
}

func counterPut(session *Session, request counterRequest) (any, error) {
	ctx, cancel := request.context()
	defer cancel()
	if request.Helper != nil {
		return session.put(ctx, request.Key, request.Value, *request.Helper)
	}
	return session.putHelped(ctx, request.Key, request.Value)
}

// putHelped serves a helper for as long as the call lasts.
func (c *clients) putHelped(ctx context.Context, key string, value int32) (numbered, error) {
	helper, err := c.serveHelper()
	if err != nil {
		return numbered{}, err
	}
	defer helper.Stop()
	return c.put(ctx, key, value, helper.ID)
}

func (c *clients) put(ctx context.Context, key string, value int32, helper uint32) (numbered, error) {
	response, err := c.counter.Put(ctx, &counterv1.PutRequest{Key: key, Value: value, Helper: helper})
	if err != nil {
		return numbered{}, err
	}
	return numbered{response.GetValue(), served{response.GetServedBy(), response.GetPid()}}, nil
}

func counterGet(session *Session, request counterRequest) (any, error) {
	ctx, cancel := request.context()
	defer cancel()
	response, err := session.counter.Get(ctx, &counterv1.GetRequest{Key: request.Key})
	if err != nil {
		return nil, err
	}
	return struct {
		Found bool  `json:"found"`
		Value int32 `json:"value"`
		served
	}{response.GetFound(), response.GetValue(), served{response.GetServedBy(), response.GetPid()}}, nil
}

func counterSession(session *Session, request counterRequest) (any, error) {
	ctx, cancel := request.context()
	defer cancel()
	return session.readSession(ctx, request.Key, request.Keep)
}

// readSession has the plugin serve a session, and reads a key through it.
func (c *clients) readSession(ctx context.Context, key string, keep bool) (numbered, error) {
	opened, err := c.counter.Open(ctx, &counterv1.OpenRequest{})
	if err != nil {
		return numbered{}, err
	}
	connection, err := c.broker.Dial(opened.GetSession())
	if err != nil {
		return numbered{}, err
	}
	if !keep {
		defer connection.Close()
	}
	response, err := counterv1.NewCounterSessionClient(connection).Read(ctx, &counterv1.ReadRequest{Key: key})
	if err != nil {
		return numbered{}, err
	}
	return numbered{response.GetValue(), served{response.GetServedBy(), response.GetPid()}}, nil
}

// counterServe leaves a helper open, for calls that name its id; it ends with the plugin.
func counterServe(session *Session, _ struct{}) (any, error) {
	helper, err := session.serveHelper()
	if err != nil {
		return nil, err
	}
	return struct {
		Helper uint32 `json:"helper"`
	}{helper.ID}, nil
}
