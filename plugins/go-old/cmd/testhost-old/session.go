package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	kvv1 "plugd.invalid/plugins-old/gen/samples/kv/v1"
)

const callTimeout = 30 * time.Second

// session is the plugin process; its zero value is none yet.
type session struct {
	command *exec.Cmd
	client  *plugin.Client
	kv      kvv1.KvClient
	log     *strings.Builder
}

type hostPlugin struct {
	plugin.NetRPCUnsupportedPlugin
}

var _ plugin.GRPCPlugin = hostPlugin{}

func (hostPlugin) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error {
	return errors.New("this is the host's side")
}

func (hostPlugin) GRPCClient(
	_ context.Context, _ *plugin.GRPCBroker, connection *grpc.ClientConn,
) (interface{}, error) {
	return kvv1.NewKvClient(connection), nil
}

type object map[string]interface{}

func (s *session) run(next request) (interface{}, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if next.Op == "start" {
		return s.start(next)
	}
	if s.kv == nil {
		return nil, errors.New("no plugin was started")
	}
	switch next.Op {
	case "get":
		got, err := s.kv.Get(ctx, &kvv1.GetRequest{Key: next.Key})
		return object{
			"found": got.GetFound(), "value": string(got.GetValue()), "servedBy": got.GetServedBy(), "pid": got.GetPid(),
		}, err
	case "put":
		done, err := s.kv.Put(ctx, &kvv1.PutRequest{Key: next.Key, Value: []byte(next.Value)})
		return object{"servedBy": done.GetServedBy(), "pid": done.GetPid()}, err
	case "kill":
		return s.kill(), nil
	}
	return nil, fmt.Errorf("no operation %q", next.Op)
}

func (s *session) start(next request) (interface{}, error) {
	if s.client != nil && !s.client.Exited() {
		return nil, errors.New("a plugin is running: kill it first")
	}
	command := exec.Command(next.Command[0], next.Command[1:]...)
	command.Env = append(os.Environ(), next.Env...)
	sets := make(map[int]plugin.PluginSet)
	for _, version := range next.Versions {
		sets[version] = plugin.PluginSet{"kv": hostPlugin{}}
	}
	log := &strings.Builder{}
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  plugin.HandshakeConfig{MagicCookieKey: "KV_PLUGIN", MagicCookieValue: "hello"},
		VersionedPlugins: sets,
		Cmd:              command,
		AutoMTLS:         next.AutoMTLS,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Logger:           hclog.New(&hclog.LoggerOptions{Output: log, Level: hclog.Trace}),
	})
	*s = session{command: command, client: client, log: log}
	protocol, err := client.Client()
	if err != nil {
		client.Kill()
		return nil, err
	}
	raw, err := protocol.Dispense("kv")
	if err != nil {
		return nil, err
	}
	s.kv = raw.(kvv1.KvClient)
	attach := client.ReattachConfig()
	return object{
		"version": client.NegotiatedVersion(), "pid": attach.Pid,
		"network": attach.Addr.Network(), "address": attach.Addr.String(),
	}, protocol.Ping()
}

// kill stops the plugin as go-plugin does, and tells whether it had to be forced and how it ended.
func (s *session) kill() object {
	if s.client == nil {
		return nil
	}
	s.client.Kill()
	exit := object{"code": nil, "signal": nil}
	if state := s.command.ProcessState; state != nil {
		if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			exit["signal"] = status.Signal().String()
		} else {
			exit["code"] = state.ExitCode()
		}
	}
	return object{"forced": strings.Contains(s.log.String(), "plugin failed to exit gracefully"), "exit": exit}
}
