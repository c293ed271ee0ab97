package drive

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"plugd.invalid/plugins/internal/sample"
)

// StartRequest says which plugin to run and how.
type StartRequest struct {
	// Command is the executable and its arguments.
	Command []string `json:"command"`
	// Env has NAME=value items that win over this process's own environment.
	Env []string `json:"env"`
	// BareEnv leaves this process's own environment out.
	BareEnv bool `json:"bareEnv"`
	// SHA256 is the checksum of the executable, as hexadecimal digits; empty: it is not checked.
	SHA256 string `json:"sha256"`
	// Cwd is the plugin's working directory; empty is this process's own.
	Cwd string `json:"cwd"`
	// Cookie is the handshake's key and value; left out it is the samples' cookie.
	Cookie []string `json:"cookie"`
	// Versions are the application protocol versions that this host offers; left out: 1.
	Versions []int `json:"versions"`
	AutoMTLS bool  `json:"autoMtls"`
	// Multiplex asks for go-plugin's GRPCBrokerMultiplex: one socket for all that the broker brings together.
	Multiplex bool `json:"multiplex"`
	// StartTimeoutMs bounds the handshake; 0 is go-plugin's default, one minute.
	StartTimeoutMs int `json:"startTimeoutMs"`
	// Reattach is a plugin that runs already, in place of Command.
	Reattach *ReattachLine `json:"reattach"`
}

// ReattachLine is what a plugin in test mode prints.
type ReattachLine struct {
	Protocol        plugin.Protocol
	ProtocolVersion int
	Pid             int
	Test            bool
	Addr            struct{ Network, String string }
}

func (r ReattachLine) config() (*plugin.ReattachConfig, error) {
	config := &plugin.ReattachConfig{
		Protocol: r.Protocol, ProtocolVersion: r.ProtocolVersion, Pid: r.Pid, Test: r.Test,
	}
	var err error
	if r.Addr.Network == "unix" {
		config.Addr, err = net.ResolveUnixAddr("unix", r.Addr.String)
	} else {
		config.Addr, err = net.ResolveTCPAddr("tcp", r.Addr.String)
	}
	return config, err
}

// Started is what the handshake told.
type Started struct {
	Version int    `json:"version"`
	Pid     int    `json:"pid"`
	Network string `json:"network"`
	Address string `json:"address"`
}

// Exit is how the process ended; exactly one of the fields is set.
type Exit struct {
	Code   *int    `json:"code"`
	Signal *string `json:"signal"`
}

// Session is one plugin process, driven by go-plugin's Client.
type Session struct {
	*clients
	command *exec.Cmd
	client  *plugin.Client
	logs    *recorder
	// multiplexed: this host asked for it, and go-plugin refuses a plugin that can't.
	multiplexed bool
	// What arrived over GRPCStdio, and what the process wrote to its real standard error.
	stdout, stderr, rawStderr *buffer
}

// Start runs the plugin up to the point where go-plugin calls it usable. That proves no call yet.
func Start(request StartRequest) (*Session, error) {
	if request.Reattach != nil {
		// go-plugin has the process from elsewhere; ours is never started.
		request.Command = []string{os.DevNull}
	}
	if len(request.Command) == 0 {
		return nil, errors.New("start: no command")
	}
	session := &Session{
		command:     exec.Command(request.Command[0], request.Command[1:]...),
		logs:        &recorder{},
		multiplexed: request.Multiplex,
		stdout:      &buffer{},
		stderr:      &buffer{},
		rawStderr:   &buffer{},
	}
	session.command.Dir = request.Cwd
	if !request.BareEnv {
		session.command.Env = os.Environ()
	}
	session.command.Env = append(session.command.Env, request.Env...)
	config := session.config(request)
	if request.SHA256 != "" {
		checksum, err := hex.DecodeString(request.SHA256)
		if err != nil {
			return nil, fmt.Errorf("start: sha256: %w", err)
		}
		config.SecureConfig = &plugin.SecureConfig{Checksum: checksum, Hash: sha256.New()}
	}
	if request.Reattach != nil {
		reattach, err := request.Reattach.config()
		if err != nil {
			return nil, fmt.Errorf("start: reattach: %w", err)
		}
		config.Cmd, config.Reattach = nil, reattach
		// go-plugin takes the plain set there, whatever the version.
		config.Plugins = plugin.PluginSet{sample.PluginName: hostPlugin{}}
	}
	session.client = plugin.NewClient(config)
	if err := session.open(); err != nil {
		// Reaps the process and its readers; go-plugin has killed it on most of its ways to fail, not on all.
		session.client.Kill()
		return nil, err
	}
	return session, nil
}

func (s *Session) config(request StartRequest) *plugin.ClientConfig {
	logger := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "host", Level: hclog.Trace, Output: io.Discard})
	logger.RegisterSink(s.logs)
	handshake := sample.Handshake
	if len(request.Cookie) == 2 {
		handshake.MagicCookieKey, handshake.MagicCookieValue = request.Cookie[0], request.Cookie[1]
	}
	versions := request.Versions
	if len(versions) == 0 {
		versions = []int{1}
	}
	sets := make(map[int]plugin.PluginSet, len(versions))
	for _, version := range versions {
		sets[version] = plugin.PluginSet{sample.PluginName: hostPlugin{}}
	}
	return &plugin.ClientConfig{
		HandshakeConfig:  handshake,
		VersionedPlugins: sets,
		Cmd:              s.command,
		// The environment is already in the command, where the caller's items win.
		SkipHostEnv:         true,
		AutoMTLS:            request.AutoMTLS,
		GRPCBrokerMultiplex: request.Multiplex,
		AllowedProtocols:    []plugin.Protocol{plugin.ProtocolGRPC},
		StartTimeout:        time.Duration(request.StartTimeoutMs) * time.Millisecond,
		Logger:              logger,
		SyncStdout:          s.stdout,
		SyncStderr:          s.stderr,
		Stderr:              s.rawStderr,
	}
}

func (s *Session) open() error {
	protocol, err := s.client.Client()
	if err != nil {
		return err
	}
	raw, err := protocol.Dispense(sample.PluginName)
	if err != nil {
		return err
	}
	dispensed, ok := raw.(*clients)
	if !ok {
		return fmt.Errorf("dispensed a %T", raw)
	}
	s.clients = dispensed
	return nil
}

// Started tells the facts of the handshake.
func (s *Session) Started() Started {
	facts := Started{Version: s.client.NegotiatedVersion()}
	if attach := s.client.ReattachConfig(); attach != nil {
		facts.Pid = attach.Pid
		facts.Network, facts.Address = attach.Addr.Network(), attach.Addr.String()
	}
	return facts
}

// Ping is go-plugin's own health check.
func (s *Session) Ping() error {
	protocol, err := s.client.Client()
	if err != nil {
		return err
	}
	return protocol.Ping()
}

// Killed is how a stop went.
type Killed struct {
	ElapsedMs float64 `json:"elapsedMs"`
	// Forced: it had to be killed, since it did not leave within go-plugin's two seconds.
	Forced bool  `json:"forced"`
	Exit   *Exit `json:"exit"`
}

// Kill stops the plugin as go-plugin does. A plugin that never answers Shutdown makes it wait for ever.
func (s *Session) Kill() Killed {
	begin := time.Now()
	s.client.Kill()
	return Killed{
		ElapsedMs: milliseconds(time.Since(begin)),
		Forced:    s.logs.contains("plugin failed to exit gracefully"),
		Exit:      s.Exit(),
	}
}

// Abandon ends the process without asking it: the way out for a plugin that Kill would wait for.
func (s *Session) Abandon() {
	if s.command.Process != nil {
		_ = s.command.Process.Kill()
	}
}

// Exit is nil while the process runs.
func (s *Session) Exit() *Exit {
	// Exited takes the lock under which go-plugin notes the end, so that the state may be read after it.
	if !s.client.Exited() || s.command.ProcessState == nil {
		return nil
	}
	if status, ok := s.command.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		name := status.Signal().String()
		return &Exit{Signal: &name}
	}
	code := s.command.ProcessState.ExitCode()
	return &Exit{Code: &code}
}

func milliseconds(duration time.Duration) float64 {
	return float64(duration) / float64(time.Millisecond)
}
