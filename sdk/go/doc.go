// Package plugd lets a plugin over hashicorp/go-plugin hand its state over to the next version of itself: plugd's
// sister of the TypeScript SDK for Go. go-plugin stays as it is, of any version from 1.4 on: all that is added is
// added to its gRPC server.
//
//	plugin.Serve(&plugin.ServeConfig{
//		HandshakeConfig: handshake,
//		Plugins:         plugins,
//		GRPCServer:      plugd.GRPCServer(plugd.Options{Name: "counter", Version: "1.0.0", State: state}),
//	})
//
// Under a host that isn't plugd the plugin runs as it always did.
package plugd
