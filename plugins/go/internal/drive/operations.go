package drive

import (
	"context"
	"encoding/json"

	"google.golang.org/grpc/metadata"
)

// operations by the name that a request gives. Each has its parameters beside the function that runs it.
var operations map[string]operation

// Filled here, since answer() reads the table and the operations lead back to it.
func init() {
	operations = map[string]operation{
		"start":  with(func(host *Host, request StartRequest) (any, error) { return host.start(request) }),
		"ping":   of(func(session *Session, _ struct{}) (any, error) { return nil, session.Ping() }),
		"kill":   with(kill),
		"exited": of(exited),
		"stdio":  of(stdio),
		"logs":   of(func(session *Session, _ struct{}) (any, error) { return session.logs.all(), nil }),

		"get":   of(get),
		"put":   of(put),
		"watch": of(watch),
		"load":  of(load),
		"chat":  of(chat),

		"echo":    of(echo),
		"print":   of(printText),
		"log":     of(logRecord),
		"fail":    of(fail),
		"sleep":   of(sleep),
		"inspect": of(inspect),

		"counter-put":     of(counterPut),
		"counter-get":     of(counterGet),
		"counter-session": of(counterSession),
		"counter-serve":   of(counterServe),
		"counter-many":    of(counterMany),

		"health":  of(health),
		"reflect": of(reflect),

		"bench-start":  with(benchStart),
		"bench-unary":  of(benchUnary),
		"bench-stream": of(benchStream),
	}
}

func with[P any](run func(host *Host, parameters P) (any, error)) operation {
	return func(host *Host, request json.RawMessage) (any, error) {
		var parameters P
		if err := json.Unmarshal(request, &parameters); err != nil {
			return nil, err
		}
		return run(host, parameters)
	}
}

// of is with, for operations on the plugin that runs.
func of[P any](run func(session *Session, parameters P) (any, error)) operation {
	return with(func(host *Host, parameters P) (any, error) {
		session, err := host.current()
		if err != nil {
			return nil, err
		}
		return run(session, parameters)
	})
}

func withMetadata(ctx context.Context, pairs map[string]string) context.Context {
	for key, value := range pairs {
		ctx = metadata.AppendToOutgoingContext(ctx, key, value)
	}
	return ctx
}

func kill(host *Host, _ struct{}) (any, error) {
	session, err := host.current()
	if err != nil {
		return nil, err
	}
	return host.kill(session), nil
}

func exited(session *Session, _ struct{}) (any, error) {
	return struct {
		Exited bool  `json:"exited"`
		Exit   *Exit `json:"exit"`
	}{session.client.Exited(), session.Exit()}, nil
}

func stdio(session *Session, _ struct{}) (any, error) {
	return struct {
		Stdout    string `json:"stdout"`
		Stderr    string `json:"stderr"`
		RawStderr string `json:"rawStderr"`
	}{session.stdout.String(), session.stderr.String(), session.rawStderr.String()}, nil
}
