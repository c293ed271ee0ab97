// Package sample joins the sample services into one plugin, as go-plugin sees it.
package sample

import "github.com/hashicorp/go-plugin"

// PluginName is what hosts dispense. It never travels: go-plugin looks it up locally.
const PluginName = "kv"

// Handshake is the cookie of the samples. ProtocolVersion stays 0: the sets are versioned.
var Handshake = plugin.HandshakeConfig{
	MagicCookieKey:   "KV_PLUGIN",
	MagicCookieValue: "hello",
}
