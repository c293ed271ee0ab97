package drive

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

type reflectRequest struct {
	timed
	// Symbol is a full name; left out, samples.kv.v1.Kv.
	Symbol string `json:"symbol"`
}

// reflected is what one version of the reflection service tells.
type reflected struct {
	Services []string `json:"services"`
	// Files are the descriptors that come with the symbol.
	Files []file `json:"files"`
	Error string `json:"error,omitempty"`
}

type file struct {
	Name         string   `json:"name"`
	Package      string   `json:"package"`
	Dependencies []string `json:"dependencies"`
	Services     []string `json:"services"`
}

// reflect asks both versions of the service. Each fails for itself: a plugin may have only one.
func reflect(session *Session, request reflectRequest) (any, error) {
	ctx, cancel := request.context()
	defer cancel()
	symbol := request.Symbol
	if symbol == "" {
		symbol = "samples.kv.v1.Kv"
	}
	answers := make(map[string]reflected, 2)
	for _, version := range []string{"v1", "v1alpha"} {
		answer, err := reflectVersion(ctx, session.connection, version, symbol)
		if err != nil {
			answer.Error = err.Error()
		}
		answers[version] = answer
	}
	return answers, nil
}

type (
	reflectionQuery  = reflectionv1.ServerReflectionRequest
	reflectionAnswer = reflectionv1.ServerReflectionResponse
)

// reflectVersion speaks to either version with the messages of v1: they are the same on the wire.
func reflectVersion(
	ctx context.Context, connection *grpc.ClientConn, version, symbol string,
) (reflected, error) {
	result := reflected{Services: []string{}, Files: []file{}}
	method := "/grpc.reflection." + version + ".ServerReflection/ServerReflectionInfo"
	raw, err := connection.NewStream(ctx, &reflectionv1.ServerReflection_ServiceDesc.Streams[0], method)
	if err != nil {
		return result, err
	}
	stream := &grpc.GenericClientStream[reflectionQuery, reflectionAnswer]{ClientStream: raw}

	list, err := ask(stream, &reflectionQuery{
		MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{},
	})
	if err != nil {
		return result, err
	}
	for _, service := range list.GetListServicesResponse().GetService() {
		result.Services = append(result.Services, service.GetName())
	}
	found, err := ask(stream, &reflectionQuery{
		MessageRequest: &reflectionv1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: symbol},
	})
	if err != nil {
		return result, err
	}
	for _, descriptor := range found.GetFileDescriptorResponse().GetFileDescriptorProto() {
		entry, err := describe(descriptor)
		if err != nil {
			return result, err
		}
		result.Files = append(result.Files, entry)
	}
	return result, nil
}

func ask(
	stream grpc.BidiStreamingClient[reflectionQuery, reflectionAnswer], query *reflectionQuery,
) (*reflectionAnswer, error) {
	if err := stream.Send(query); err != nil {
		return nil, err
	}
	answer, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	if problem := answer.GetErrorResponse(); problem != nil {
		return nil, fmt.Errorf("reflection answers %d: %s", problem.GetErrorCode(), problem.GetErrorMessage())
	}
	return answer, nil
}

func describe(raw []byte) (file, error) {
	descriptor := &descriptorpb.FileDescriptorProto{}
	if err := proto.Unmarshal(raw, descriptor); err != nil {
		return file{}, fmt.Errorf("descriptor: %w", err)
	}
	entry := file{
		Name:         descriptor.GetName(),
		Package:      descriptor.GetPackage(),
		Dependencies: append([]string{}, descriptor.GetDependency()...),
		Services:     []string{},
	}
	for _, service := range descriptor.GetService() {
		entry.Services = append(entry.Services, service.GetName())
	}
	return entry, nil
}
