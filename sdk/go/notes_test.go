package plugd_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"plugd.invalid/plugd"
	lifecyclev1 "plugd.invalid/plugd/gen/plugd/lifecycle/v1"
)

// limit is for tests that hang.
const limit = 20 * time.Second

// notes is a service of which everything is known here: Put and PutMany change it, Get has no side effects.
type notes struct {
	mutex  sync.Mutex
	values []string
	// during, where there is one, runs in Put.
	during func(ctx context.Context)
}

func (n *notes) add(text string) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.values = append(n.values, text)
}

func (n *notes) all() []string {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return append([]string(nil), n.values...)
}

func (n *notes) put(ctx context.Context, text string) {
	if n.during != nil {
		n.during(ctx)
	}
	n.add(text)
}

const service = "plugdtest.Notes"

// The registry is where the SDK looks for what methods do.
func init() {
	method := func(name string, level descriptorpb.MethodOptions_IdempotencyLevel) *descriptorpb.MethodDescriptorProto {
		return &descriptorpb.MethodDescriptorProto{
			Name:       proto.String(name),
			InputType:  proto.String(".google.protobuf.StringValue"),
			OutputType: proto.String(".google.protobuf.Empty"),
			Options:    &descriptorpb.MethodOptions{IdempotencyLevel: level.Enum()},
		}
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name:       proto.String("plugdtest.proto"),
		Package:    proto.String("plugdtest"),
		Dependency: []string{"google/protobuf/wrappers.proto", "google/protobuf/empty.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: proto.String("Notes"),
			Method: []*descriptorpb.MethodDescriptorProto{
				method("Put", descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN),
				method("PutMany", descriptorpb.MethodOptions_IDEMPOTENT),
				method("Get", descriptorpb.MethodOptions_NO_SIDE_EFFECTS),
			},
		}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		panic(err)
	}
	if err := protoregistry.GlobalFiles.RegisterFile(file); err != nil {
		panic(err)
	}
}

func unary(name string, handle func(n *notes, ctx context.Context, text string)) grpc.MethodDesc {
	return grpc.MethodDesc{
		MethodName: name,
		Handler: func(
			server any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor,
		) (any, error) {
			request := new(wrapperspb.StringValue)
			if err := decode(request); err != nil {
				return nil, err
			}
			info := &grpc.UnaryServerInfo{Server: server, FullMethod: "/" + service + "/" + name}
			return interceptor(ctx, request, info, func(ctx context.Context, request any) (any, error) {
				handle(server.(*notes), ctx, request.(*wrapperspb.StringValue).GetValue())
				return new(emptypb.Empty), nil
			})
		},
	}
}

var description = grpc.ServiceDesc{
	ServiceName: service,
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{
		unary("Put", func(n *notes, ctx context.Context, text string) { n.put(ctx, text) }),
		unary("Get", func(*notes, context.Context, string) {}),
	},
	Streams: []grpc.StreamDesc{{
		StreamName:    "PutMany",
		ClientStreams: true,
		Handler: func(server any, stream grpc.ServerStream) error {
			for {
				request := new(wrapperspb.StringValue)
				if err := stream.RecvMsg(request); err != nil {
					return stream.SendMsg(new(emptypb.Empty))
				}
				server.(*notes).put(stream.Context(), request.GetValue())
			}
		},
	}},
}

// peer is a plugin that serves in this process, as go-plugin would have it serve.
type peer struct {
	connection *grpc.ClientConn
	lifecycle  lifecyclev1.LifecycleClient
	server     *grpc.Server
}

// start serves in the way of ServeConfig.GRPCServer. The plugin thinks that plugd started it.
func start(t *testing.T, make func([]grpc.ServerOption) *grpc.Server, n *notes) *peer {
	t.Helper()
	server := make(nil)
	server.RegisterService(&description, n)
	listener := bufconn.Listen(1 << 20)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	dial := func(context.Context, string) (net.Conn, error) { return listener.Dial() }
	connection, err := grpc.Dial("passthrough:///plugin", grpc.WithInsecure(), grpc.WithContextDialer(dial))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return &peer{connection, lifecyclev1.NewLifecycleClient(connection), server}
}

func underPlugd(t *testing.T) { t.Setenv("PLUGD_INSTANCE_TOKEN", "of-a-test") }

func plain(options plugd.Options) plugd.Options {
	options.Name, options.Version = "notes", "1.2.3"
	return options
}

func (p *peer) call(ctx context.Context, method, text string, options ...grpc.CallOption) error {
	path := "/" + service + "/" + method
	return p.connection.Invoke(ctx, path, wrapperspb.String(text), new(emptypb.Empty), options...)
}

// inBackground makes a call, whose outcome the channel has.
func (p *peer) inBackground(ctx context.Context, method, text string, options ...grpc.CallOption) <-chan error {
	outcome := make(chan error, 1)
	go func() { outcome <- p.call(ctx, method, text, options...) }()
	return outcome
}

func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}
