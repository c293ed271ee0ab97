// Command caller makes calls of all four kinds to samples.kv.v1.Kv at each of the targets that it is given, as any client
// would, until its standard input ends. It says "begun" when fifty have been made, and in the end in one line of JSON
// how many went well, and what was wrong with the others. In target#plugin the plugin is the one that is to answer, of several that have the service.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	kvv1 "plugd.invalid/plugins/gen/samples/kv/v1"
)

const (
	streamLength = 5
	begun        = 50
)

type outcome struct {
	mutex    sync.Mutex
	Calls    int      `json:"calls"`
	Failures []string `json:"failures"`
}

func (o *outcome) note(what string, err error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.Calls++
	if o.Calls == begun {
		fmt.Println("begun")
	}
	if err != nil {
		o.Failures = append(o.Failures, fmt.Sprintf("%s: %v", what, err))
	}
}

func main() {
	stop := make(chan struct{})
	result := &outcome{Failures: []string{}}
	var loops sync.WaitGroup
	for _, argument := range os.Args[1:] {
		target, plugin, named := strings.Cut(argument, "#")
		connection, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			fmt.Fprintln(os.Stderr, "caller:", err)
			os.Exit(1)
		}
		defer connection.Close()
		client := kvv1.NewKvClient(connection)
		for what, call := range map[string]func(context.Context, kvv1.KvClient) error{
			"get": get, "put": put, "watch": watch, "load": load, "chat": chat,
		} {
			loops.Add(1)
			go func() {
				defer loops.Done()
				for {
					select {
					case <-stop:
						return
					default:
						// One that hangs is a failure too.
						ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
						if named {
							ctx = metadata.AppendToOutgoingContext(ctx, "plugd-plugin", plugin)
						}
						result.note(what, call(ctx, client))
						cancel()
						time.Sleep(2 * time.Millisecond)
					}
				}
			}()
		}
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	close(stop)
	loops.Wait()
	_ = json.NewEncoder(os.Stdout).Encode(result)
}

func get(ctx context.Context, client kvv1.KvClient) error {
	answer, err := client.Get(ctx, &kvv1.GetRequest{Key: "key"})
	if err == nil && answer.GetPid() == 0 {
		return errors.New("nobody signed the answer")
	}
	return err
}

func put(ctx context.Context, client kvv1.KvClient) error {
	_, err := client.Put(ctx, &kvv1.PutRequest{Key: "key", Value: make([]byte, 100)})
	return err
}

func watch(ctx context.Context, client kvv1.KvClient) error {
	stream, err := client.Watch(ctx, &kvv1.WatchRequest{Key: "key", Count: streamLength, IntervalMs: 10})
	if err != nil {
		return err
	}
	for sequence := uint32(1); ; sequence++ {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) && sequence == streamLength+1 {
			return nil
		}
		if err != nil {
			return err
		}
		if answer.GetSequence() != sequence {
			return fmt.Errorf("message %d came in the place of %d", answer.GetSequence(), sequence)
		}
	}
}

func load(ctx context.Context, client kvv1.KvClient) error {
	stream, err := client.Load(ctx)
	if err != nil {
		return err
	}
	for range streamLength {
		if err := stream.Send(&kvv1.LoadRequest{Key: "load", Value: make([]byte, 100)}); err != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
	answer, err := stream.CloseAndRecv()
	if err == nil && answer.GetStored() != streamLength {
		return fmt.Errorf("%d messages arrived", answer.GetStored())
	}
	return err
}

func chat(ctx context.Context, client kvv1.KvClient) error {
	stream, err := client.Chat(ctx)
	if err != nil {
		return err
	}
	for sequence := uint32(1); sequence <= streamLength; sequence++ {
		if err := stream.Send(&kvv1.ChatRequest{Sequence: sequence, Text: "text"}); err != nil {
			return err
		}
		answer, err := stream.Recv()
		if err != nil {
			return err
		}
		if answer.GetSequence() != sequence {
			return fmt.Errorf("%d was answered by %d", sequence, answer.GetSequence())
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the end was %v", err)
	}
	return nil
}
