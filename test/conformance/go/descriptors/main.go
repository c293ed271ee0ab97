// Command descriptors writes, to the file that it is given, a FileDescriptorSet of what grpc-go's interop programs call and of the details of a
// status: their .proto files are in no module, only what was compiled from them.
package main

import (
	"log"
	"os"

	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

func main() {
	set := &descriptorpb.FileDescriptorSet{}
	seen := map[string]bool{}
	add(set, seen, grpc_testing.File_grpc_testing_test_proto)
	add(set, seen, status.File_google_rpc_status_proto)
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[1], bytes, 0o600); err != nil {
		log.Fatal(err)
	}
}

// add puts what a file imports before the file itself, as readers of a set expect.
func add(set *descriptorpb.FileDescriptorSet, seen map[string]bool, file protoreflect.FileDescriptor) {
	if seen[file.Path()] {
		return
	}
	seen[file.Path()] = true
	imports := file.Imports()
	for i := range imports.Len() {
		add(set, seen, imports.Get(i).FileDescriptor)
	}
	set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
}
