// Command testhost is a host made with unmodified hashicorp/go-plugin, driven by JSON lines: one request a line
// on standard input, one answer a line on standard output.
//
//	{"id":1,"op":"start","command":["./kv-v2"],"autoMtls":true,"versions":[1,2]}
//	{"id":1,"ok":{"version":2,"pid":4711,"network":"unix","address":"/tmp/plugin1"}}
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"plugd.invalid/plugins/internal/drive"
)

func main() {
	requests := os.Stdin
	// go-plugin gives the host's standard input to the plugin, which must not read our requests.
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		leave(err)
	}
	os.Stdin = nothing

	host := &drive.Host{}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		host.Close()
		os.Exit(1)
	}()
	if err := host.Run(requests, os.Stdout); err != nil {
		leave(err)
	}
}

func leave(err error) {
	fmt.Fprintln(os.Stderr, "testhost:", err)
	os.Exit(1)
}
