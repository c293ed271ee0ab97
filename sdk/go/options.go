package plugd

import (
	"context"
	"fmt"
)

// Options say who the plugin is, and what it does when it is exchanged. Name and Version are needed; the rest is for
// plugins that keep something.
type Options struct {
	// Name is for people: the host has a name of its own for the plugin.
	Name string
	// Version is the semantic version of the plugin's code, without a v. A host compares it with the one it asked for.
	Version string
	// State is what the next version takes over. Default: nil, there is none.
	State *State
	// Resources are what the plugin holds beside memory, as far as an upgrade has to know.
	Resources []Resource
	// Single says that the plugin can't run twice at the same time, not even for the time of an upgrade: the host
	// then stops the old one first, and calls wait.
	Single bool
	// Hooks are called when the plugin is exchanged.
	Hooks Hooks
}

// Hooks are called on behalf of the host, one at a time. Each may be nil. The context ends when the host waits no
// longer; a hook that goes on all the same has failed by then, and the next one is called only once it has ended. An
// error fails the exchange, and its text reaches the host: it must not contain the state.
type Hooks struct {
	// Pause ends or parks work that goes on beside calls: until Resume nothing may change the state. Calls need no
	// care: those that may change the state are finished before, and those that come are kept waiting.
	Pause func(ctx context.Context) error
	// Release lets go of these Resources, for the next version to take.
	Release func(ctx context.Context, resources []string) error
	// Resume goes on after Pause, and takes these Resources again, which were released: the exchange has failed.
	// Also called when Pause itself failed, and by itself where Pause or Release ended only after the host had given
	// Resume up.
	Resume func(ctx context.Context, released []string) error
	// Activate takes what is exclusive, and begins with what goes on by itself: calls come from now on. Under a host
	// that isn't plugd, and for a plugin with neither State nor Resources, it is called when the gRPC server is made,
	// before the handshake; an error then ends the plugin.
	Activate func(ctx context.Context) error
}

// ResourceKind says what becomes of a Resource when the plugin is exchanged.
type ResourceKind int

// The numbers are those of the contract.
const (
	// Shared resources may be held by several versions: freed after the last that uses it.
	Shared ResourceKind = iota + 1
	// Exclusive ones are held by one at a time: the old one releases it before the new one takes it.
	Exclusive
	// PerGeneration: each has its own, and frees it when it leaves.
	PerGeneration
	// Leased ones are pools of which each has a part, and gives it back when it leaves.
	Leased
)

// Resource is something that a plugin holds beside memory.
type Resource struct {
	Name string
	Kind ResourceKind
}

func (o *Options) check() error {
	if o.Name == "" {
		return fmt.Errorf("Options.Name is empty")
	}
	if o.Version == "" {
		return fmt.Errorf("Options.Version is empty")
	}
	names := make(map[string]bool)
	for _, resource := range o.Resources {
		if resource.Name == "" || names[resource.Name] {
			return fmt.Errorf("Options.Resources: the name %q is empty or there twice", resource.Name)
		}
		if resource.Kind < Shared || resource.Kind > Leased {
			return fmt.Errorf("Options.Resources: %q has no kind", resource.Name)
		}
		names[resource.Name] = true
	}
	if o.State == nil {
		return nil
	}
	return o.State.check()
}
