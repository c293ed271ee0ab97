package plugd

import (
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

const lifecyclePrefix = "/plugd.lifecycle.v1."

// infrastructure is how the paths of calls begin that never touch the author's state; some of them last as long as
// the connection.
var infrastructure = []string{
	lifecyclePrefix,
	"/plugin.GRPCBroker/", "/plugin.GRPCController/", "/plugin.GRPCStdio/",
	"/grpc.health.", "/grpc.reflection.",
}

// declared keeps what contracts say, by the path of the method.
var declared sync.Map

// mayChangeState is false for methods that their contract declares to be NO_SIDE_EFFECTS. What is not known may.
func mayChangeState(path string) bool {
	if isInfrastructure(path) {
		return false
	}
	if harmless, known := declared.Load(path); known {
		return harmless == false
	}
	method := findMethod(path)
	if method == nil {
		// Not kept: paths that nobody serves are as many as a caller likes.
		return true
	}
	options, _ := method.Options().(*descriptorpb.MethodOptions)
	harmless := options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
	declared.Store(path, harmless)
	return !harmless
}

func isInfrastructure(path string) bool {
	return slices.ContainsFunc(infrastructure, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
}

func findMethod(path string) protoreflect.MethodDescriptor {
	service, method, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	// Invalid names are not found either.
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return nil
	}
	described, ok := found.(protoreflect.ServiceDescriptor)
	if !ok {
		return nil
	}
	return described.Methods().ByName(protoreflect.Name(method))
}
