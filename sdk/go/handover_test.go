package plugd_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"plugd.invalid/plugd"
	lifecyclev1 "plugd.invalid/plugd/gen/plugd/lifecycle/v1"
)

// text is a state of bytes. From schema 2 on, which the newer ones write, it is in capitals.
type text struct{ held string }

func (s *text) state(schema uint32, restores ...uint32) *plugd.State {
	return &plugd.State{
		Schema:   schema,
		Restores: restores,
		Snapshot: func(_ context.Context, w io.Writer) error {
			_, err := io.WriteString(w, s.held)
			return err
		},
		Restore: func(_ context.Context, from uint32, r io.Reader) error {
			data, err := io.ReadAll(r)
			s.held = string(data)
			if from == 1 && schema == 2 {
				s.held = strings.ToUpper(s.held)
			}
			return err
		},
	}
}

func keeping(t *testing.T, state *plugd.State) *peer {
	t.Helper()
	underPlugd(t)
	return start(t, plugd.GRPCServer(plain(plugd.Options{State: state})), &notes{})
}

func (p *peer) snapshot(t *testing.T) []*lifecyclev1.SnapshotResponse {
	t.Helper()
	stream := must[lifecyclev1.Lifecycle_SnapshotClient](t)(
		p.lifecycle.Snapshot(limited(t), &lifecyclev1.SnapshotRequest{}))
	var parts []*lifecyclev1.SnapshotResponse
	for {
		received, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, received)
	}
}

func (p *peer) restore(t *testing.T, parts []*lifecyclev1.SnapshotResponse) (*lifecyclev1.RestoreResponse, error) {
	t.Helper()
	stream := must[lifecyclev1.Lifecycle_RestoreClient](t)(p.lifecycle.Restore(limited(t)))
	for _, one := range parts {
		request := &lifecyclev1.RestoreRequest{}
		switch part := one.GetPart().(type) {
		case *lifecyclev1.SnapshotResponse_Header:
			request.Part = &lifecyclev1.RestoreRequest_Header{Header: part.Header}
		case *lifecyclev1.SnapshotResponse_Data:
			request.Part = &lifecyclev1.RestoreRequest_Data{Data: part.Data}
		case *lifecyclev1.SnapshotResponse_End:
			request.Part = &lifecyclev1.RestoreRequest_End{End: part.End}
		}
		// What the plugin has refused can't be sent on; the answer says why.
		if stream.Send(request) != nil {
			break
		}
	}
	return stream.CloseAndRecv()
}

func (p *peer) check(t *testing.T, parts []*lifecyclev1.SnapshotResponse) (*lifecyclev1.CheckResponse, error) {
	t.Helper()
	stream := must[lifecyclev1.Lifecycle_CheckClient](t)(p.lifecycle.Check(limited(t)))
	for _, one := range parts {
		request := &lifecyclev1.CheckRequest{}
		switch part := one.GetPart().(type) {
		case *lifecyclev1.SnapshotResponse_Header:
			request.Part = &lifecyclev1.CheckRequest_Header{Header: part.Header}
		case *lifecyclev1.SnapshotResponse_Data:
			request.Part = &lifecyclev1.CheckRequest_Data{Data: part.Data}
		case *lifecyclev1.SnapshotResponse_End:
			request.Part = &lifecyclev1.CheckRequest_End{End: part.End}
		}
		if stream.Send(request) != nil {
			break
		}
	}
	return stream.CloseAndRecv()
}

func header(schema uint32) *lifecyclev1.SnapshotResponse {
	return &lifecyclev1.SnapshotResponse{
		Part: &lifecyclev1.SnapshotResponse_Header{Header: &lifecyclev1.SnapshotHeader{Schema: schema}},
	}
}

func data(content string) *lifecyclev1.SnapshotResponse {
	return &lifecyclev1.SnapshotResponse{Part: &lifecyclev1.SnapshotResponse_Data{Data: []byte(content)}}
}

// end is the right one for this content.
func end(content string) *lifecyclev1.SnapshotResponse {
	digest := sha256.Sum256([]byte(content))
	return &lifecyclev1.SnapshotResponse{Part: &lifecyclev1.SnapshotResponse_End{
		End: &lifecyclev1.SnapshotEnd{Bytes: uint64(len(content)), Sha256: digest[:]},
	}}
}

func parts(all ...*lifecyclev1.SnapshotResponse) []*lifecyclev1.SnapshotResponse { return all }

func TestAStateGoesOverWholeWhateverItsSize(t *testing.T) {
	for _, size := range []int{0, 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 300_000} {
		old, next := &text{held: strings.Repeat("0123456789", size/10+1)[:size]}, &text{held: "of its own"}
		from, to := keeping(t, old.state(1)), keeping(t, next.state(1))
		snapshot := from.snapshot(t)
		var sum int
		for i, part := range snapshot {
			switch {
			case i == 0:
				if part.GetHeader().GetSchema() != 1 {
					t.Fatalf("%d: begins with %v", size, part)
				}
			case i == len(snapshot)-1:
				if int(part.GetEnd().GetBytes()) != size {
					t.Fatalf("%d: ends with %v", size, part)
				}
			case len(part.GetData()) == 0 || len(part.GetData()) > 64<<10:
				t.Fatalf("%d: a piece of %d", size, len(part.GetData()))
			}
			sum += len(part.GetData())
		}
		if sum != size {
			t.Fatalf("%d: carries %d", size, sum)
		}
		answer := must[*lifecyclev1.RestoreResponse](t)(to.restore(t, snapshot))
		if !bytes.Equal(answer.GetSha256(), snapshot[len(snapshot)-1].GetEnd().GetSha256()) {
			t.Fatalf("%d: digest %x", size, answer.GetSha256())
		}
		if next.held != old.held {
			t.Fatalf("%d: %d arrived", size, len(next.held))
		}
		if check := must[*lifecyclev1.CheckResponse](t)(to.check(t, snapshot)); !check.GetSame() {
			t.Fatalf("%d: %v", size, check)
		}
	}
}

func TestASnapshotThatHasNotComeAsItWasSentIsRefused(t *testing.T) {
	// It reads one byte only: what it leaves is looked at all the same.
	lazy := (&text{}).state(1)
	lazy.Restore = func(_ context.Context, _ uint32, r io.Reader) error {
		_, err := r.Read(make([]byte, 1))
		return err
	}
	cases := map[string]struct {
		parts []*lifecyclev1.SnapshotResponse
		code  codes.Code
	}{
		"nothing":           {nil, codes.DataLoss},
		"no header":         {parts(data("ab"), end("ab")), codes.DataLoss},
		"two headers":       {parts(header(1), header(1), data("ab"), end("ab")), codes.DataLoss},
		"no end":            {parts(header(1), data("ab")), codes.DataLoss},
		"a piece is lost":   {parts(header(1), data("a"), end("ab")), codes.DataLoss},
		"a bit is wrong":    {parts(header(1), data("ac"), end("ab")), codes.DataLoss},
		"more after end":    {parts(header(1), data("ab"), end("ab"), data("c")), codes.DataLoss},
		"an unknown schema": {parts(header(3), data("ab"), end("ab")), codes.FailedPrecondition},
	}
	for name, one := range cases {
		for _, state := range []*plugd.State{lazy, (&text{}).state(1)} {
			p := keeping(t, state)
			if _, err := p.restore(t, one.parts); status.Code(err) != one.code {
				t.Errorf("%s: %v", name, err)
			}
			if name == "a bit is wrong" {
				if _, err := p.check(t, one.parts); status.Code(err) != one.code {
					t.Errorf("%s: checked: %v", name, err)
				}
			}
		}
	}
}

func TestASecondRestoreReplacesTheFirstAndNoneComesAfterActivate(t *testing.T) {
	held := &text{}
	p := keeping(t, held.state(1))
	for _, content := range []string{"first", "second"} {
		must[*lifecyclev1.RestoreResponse](t)(p.restore(t, parts(header(1), data(content), end(content))))
	}
	must[*lifecyclev1.ActivateResponse](t)(p.lifecycle.Activate(limited(t), &lifecyclev1.ActivateRequest{}))
	_, err := p.restore(t, parts(header(1), data("third"), end("third")))
	if status.Code(err) != codes.FailedPrecondition || held.held != "second" {
		t.Fatal(held.held, err)
	}
}

func TestAnErrorOfTheAuthorsReachesTheHost(t *testing.T) {
	state := (&text{}).state(1)
	state.Restore = func(context.Context, uint32, io.Reader) error { return errors.New("the disk is full") }
	state.Snapshot = func(_ context.Context, w io.Writer) error {
		io.WriteString(w, "half of")
		return status.Error(codes.Aborted, "came apart")
	}
	p := keeping(t, state)
	_, err := p.restore(t, parts(header(1), data("a"), end("a")))
	if status.Code(err) != codes.Internal || !strings.Contains(err.Error(), "the disk is full") {
		t.Error(err)
	}
	stream := must[lifecyclev1.Lifecycle_SnapshotClient](t)(
		p.lifecycle.Snapshot(limited(t), &lifecyclev1.SnapshotRequest{}))
	for {
		part, err := stream.Recv()
		if part.GetEnd() != nil {
			t.Fatal("half of a snapshot has an end")
		}
		if err != nil {
			if status.Code(err) != codes.Internal {
				t.Error(err)
			}
			break
		}
	}
}

func TestCheckSeesADifference(t *testing.T) {
	held := &text{held: "other"}
	p := keeping(t, held.state(2, 1, 2))
	check := must[*lifecyclev1.CheckResponse](t)(p.check(t, parts(header(2), data("one"), end("one"))))
	if check.GetSame() || check.GetDifference() == "" {
		t.Fatal(check)
	}
	// Bytes of another schema say nothing.
	if _, err := p.check(t, parts(header(1), data("one"), end("one"))); status.Code(err) != codes.Unimplemented {
		t.Fatal(err)
	}
}

func TestAStateOfAnOlderSchemaIsCheckedAsTheAuthorSays(t *testing.T) {
	held := &text{}
	state := held.state(2, 1, 2)
	state.Check = func(_ context.Context, schema uint32, r io.Reader) (string, error) {
		sent, err := io.ReadAll(r)
		if schema != 1 || err != nil {
			return "", errors.Join(errors.New("unexpected"), err)
		}
		if strings.EqualFold(string(sent), held.held) {
			return "", nil
		}
		return "it has other letters", nil
	}
	p := keeping(t, state)
	must[*lifecyclev1.RestoreResponse](t)(p.restore(t, parts(header(1), data("abc"), end("abc"))))
	if held.held != "ABC" {
		t.Fatal(held.held)
	}
	check := must[*lifecyclev1.CheckResponse](t)(p.check(t, parts(header(1), data("abc"), end("abc"))))
	if !check.GetSame() {
		t.Fatal(check)
	}
	check = must[*lifecyclev1.CheckResponse](t)(p.check(t, parts(header(1), data("abd"), end("abd"))))
	if check.GetSame() || check.GetDifference() != "it has other letters" {
		t.Fatal(check)
	}
}

func TestAPluginWithoutStateSaysSo(t *testing.T) {
	p := keeping(t, nil)
	described := must[*lifecyclev1.DescribeResponse](t)(
		p.lifecycle.Describe(limited(t), &lifecyclev1.DescribeRequest{}))
	if described.GetState() != nil || described.GetName() != "notes" || described.GetVersion() != "1.2.3" {
		t.Fatal(described)
	}
	if _, err := p.restore(t, nil); status.Code(err) != codes.Unimplemented {
		t.Fatal(err)
	}
}
