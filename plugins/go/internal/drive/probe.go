package drive

import (
	"bytes"
	"fmt"

	probev1 "plugd.invalid/plugins/gen/samples/probe/v1"
)

type echoRequest struct {
	timed
	// Size of the payload, in bytes.
	Size int `json:"size"`
}

func echo(session *Session, request echoRequest) (any, error) {
	ctx, cancel := request.context()
	defer cancel()
	payload := pattern(request.Size)
	response, err := session.probe.Echo(ctx, &probev1.EchoRequest{Payload: payload})
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(payload, response.GetPayload()) {
		return nil, fmt.Errorf("the payload of %d bytes came back changed", request.Size)
	}
	return struct {
		Size int `json:"size"`
	}{len(response.GetPayload())}, nil
}

// pattern is a payload that shows bytes lost, repeated or out of order.
func pattern(size int) []byte {
	payload := make([]byte, size)
	for i := range payload {
		payload[i] = byte(i % 251)
	}
	return payload
}

type printRequest struct {
	timed
	// Target is stdout or stderr.
	Target string `json:"target"`
	Text   string `json:"text"`
}

func printText(session *Session, request printRequest) (any, error) {
	ctx, cancel := request.context()
	defer cancel()
	target := probev1.PrintRequest_TARGET_STDOUT
	if request.Target == "stderr" {
		target = probev1.PrintRequest_TARGET_STDERR
	}
	_, err := session.probe.Print(ctx, &probev1.PrintRequest{Target: target, Text: request.Text})
	return nil, err
}

type logRequest struct {
	timed
	Level   string            `json:"level"`
	Message string            `json:"message"`
	Fields  map[string]string `json:"fields"`
}

func logRecord(session *Session, request logRequest) (any, error) {
	ctx, cancel := request.context()
	defer cancel()
	_, err := session.probe.Log(ctx, &probev1.LogRequest{
		Level: request.Level, Message: request.Message, Fields: request.Fields,
	})
	return nil, err
}

type failRequest struct {
	timed
	Code    uint32 `json:"code"`
	Message string `json:"message"`
}

func fail(session *Session, request failRequest) (any, error) {
	ctx, cancel := request.context()
	defer cancel()
	_, err := session.probe.Fail(ctx, &probev1.FailRequest{Code: request.Code, Message: request.Message})
	return nil, err
}

type sleepRequest struct {
	timed
	DurationMs uint32 `json:"durationMs"`
}

func sleep(session *Session, request sleepRequest) (any, error) {
	ctx, cancel := request.context()
	defer cancel()
	_, err := session.probe.Sleep(ctx, &probev1.SleepRequest{DurationMs: request.DurationMs})
	return nil, err
}

type inspectRequest struct {
	timed
	Environment []string `json:"environment"`
}

func inspect(session *Session, request inspectRequest) (any, error) {
	ctx, cancel := request.context()
	defer cancel()
	response, err := session.probe.Inspect(ctx, &probev1.InspectRequest{Environment: request.Environment})
	if err != nil {
		return nil, err
	}
	return struct {
		Environment      map[string]string `json:"environment"`
		Arguments        []string          `json:"arguments"`
		WorkingDirectory string            `json:"workingDirectory"`
		ProtocolVersion  uint32            `json:"protocolVersion"`
		Metadata         map[string]string `json:"metadata"`
		CancelledSleeps  uint32            `json:"cancelledSleeps"`
	}{
		response.GetEnvironment(), append([]string{}, response.GetArguments()...), response.GetWorkingDirectory(),
		response.GetProtocolVersion(), response.GetMetadata(), response.GetCancelledSleeps(),
	}, nil
}
