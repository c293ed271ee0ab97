package sample

import (
	"strconv"
	"strings"

	"github.com/hashicorp/go-plugin"
)

// VersionedPlugins tells which protocol versions a sample offers: 1 before version 2.0.0 of its code, 1 and 2
// from there on, so that hosts of both ages can run it.
func VersionedPlugins(version string, serve func(protocol uint32) plugin.Plugin) map[int]plugin.PluginSet {
	highest := 1
	if major, err := strconv.Atoi(strings.Split(version, ".")[0]); err == nil && major >= 2 {
		highest = 2
	}
	sets := make(map[int]plugin.PluginSet, highest)
	for protocol := 1; protocol <= highest; protocol++ {
		sets[protocol] = plugin.PluginSet{PluginName: serve(uint32(protocol))}
	}
	return sets
}
