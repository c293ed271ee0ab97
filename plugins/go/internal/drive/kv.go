package drive

import (
	"errors"
	"fmt"
	"io"

	kvv1 "plugd.invalid/plugins/gen/samples/kv/v1"
)

// served is the signature under every answer of the samples.
type served struct {
	ServedBy string `json:"servedBy"`
	Pid      int32  `json:"pid"`
}

type keyed struct {
	timed
	Key   string `json:"key"`
	Value string `json:"value"`
}

func get(session *Session, request keyed) (any, error) {
	ctx, cancel := request.context()
	defer cancel()
	response, err := session.kv.Get(ctx, &kvv1.GetRequest{Key: request.Key})
	if err != nil {
		return nil, err
	}
	return struct {
		Found bool   `json:"found"`
		Value string `json:"value"`
		served
	}{response.GetFound(), string(response.GetValue()), served{response.GetServedBy(), response.GetPid()}}, nil
}

func put(session *Session, request keyed) (any, error) {
	ctx, cancel := request.context()
	defer cancel()
	response, err := session.kv.Put(ctx, &kvv1.PutRequest{Key: request.Key, Value: []byte(request.Value)})
	if err != nil {
		return nil, err
	}
	return served{response.GetServedBy(), response.GetPid()}, nil
}

type watchRequest struct {
	timed
	Key        string `json:"key"`
	Count      uint32 `json:"count"`
	IntervalMs uint32 `json:"intervalMs"`
	// Take ends the call from this side after so many answers; 0 reads to the stream's end.
	Take int `json:"take"`
}

type watchItem struct {
	Sequence uint32 `json:"sequence"`
	Value    string `json:"value"`
	served
}

func watch(session *Session, request watchRequest) (any, error) {
	ctx, cancel := request.context()
	defer cancel()
	stream, err := session.kv.Watch(ctx, &kvv1.WatchRequest{
		Key: request.Key, Count: request.Count, IntervalMs: request.IntervalMs,
	})
	if err != nil {
		return nil, err
	}
	items := []watchItem{}
	for request.Take == 0 || len(items) < request.Take {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		items = append(items, watchItem{
			response.GetSequence(), string(response.GetValue()), served{response.GetServedBy(), response.GetPid()},
		})
	}
	return items, nil
}

// counted asks for n messages from this side.
type counted struct {
	timed
	N int `json:"n"`
}

func load(session *Session, request counted) (any, error) {
	ctx, cancel := request.context()
	defer cancel()
	stream, err := session.kv.Load(ctx)
	if err != nil {
		return nil, err
	}
	for i := 1; i <= request.N; i++ {
		message := &kvv1.LoadRequest{Key: fmt.Sprintf("load-%d", i), Value: fmt.Appendf(nil, "value-%d", i)}
		// io.EOF says that the plugin has ended the call; its status comes with the answer.
		if err := stream.Send(message); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
	}
	response, err := stream.CloseAndRecv()
	if err != nil {
		return nil, err
	}
	return struct {
		Stored uint32 `json:"stored"`
		served
	}{response.GetStored(), served{response.GetServedBy(), response.GetPid()}}, nil
}

type chatItem struct {
	Sequence uint32 `json:"sequence"`
	Text     string `json:"text"`
	served
}

func chat(session *Session, request counted) (any, error) {
	ctx, cancel := request.context()
	defer cancel()
	stream, err := session.kv.Chat(ctx)
	if err != nil {
		return nil, err
	}
	items := []chatItem{}
	for i := 1; i <= request.N; i++ {
		message := &kvv1.ChatRequest{Sequence: uint32(i), Text: fmt.Sprintf("message-%d", i)}
		if err := stream.Send(message); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		response, err := stream.Recv()
		if err != nil {
			return nil, err
		}
		items = append(items, chatItem{
			response.GetSequence(), response.GetText(), served{response.GetServedBy(), response.GetPid()},
		})
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the stream went on after both sides were done: %w", err)
	}
	return items, nil
}
