// Command testhost-old is a host as they were made with go-plugin 1.4, driven by the JSON lines of testhost: one
// plugin, and the operations start, get, put and kill, one after the other.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"google.golang.org/grpc/status"
)

type request struct {
	ID       int      `json:"id"`
	Op       string   `json:"op"`
	Command  []string `json:"command"`
	Env      []string `json:"env"`
	Versions []int    `json:"versions"`
	AutoMTLS bool     `json:"autoMtls"`
	Key      string   `json:"key"`
	Value    string   `json:"value"`
}

type failure struct {
	Message string `json:"message"`
	Code    *int   `json:"code,omitempty"`
}

type answer struct {
	ID    int         `json:"id"`
	OK    interface{} `json:"ok,omitempty"`
	Error *failure    `json:"error,omitempty"`
}

func main() {
	requests := json.NewDecoder(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	// go-plugin gives the host's standard input to the plugin, which must not read our requests.
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testhost-old:", err)
		os.Exit(1)
	}
	os.Stdin = nothing

	var current session
	defer current.kill()
	for {
		var next request
		if err := requests.Decode(&next); err != nil {
			if err != io.EOF {
				fmt.Fprintln(os.Stderr, "testhost-old:", err)
			}
			return
		}
		result, err := current.run(next)
		if err := answers.Encode(reply(next.ID, result, err)); err != nil {
			return
		}
	}
}

func reply(id int, result interface{}, err error) answer {
	if err == nil {
		return answer{ID: id, OK: result}
	}
	if state, ok := status.FromError(err); ok {
		code := int(state.Code())
		return answer{ID: id, Error: &failure{state.Message(), &code}}
	}
	return answer{ID: id, Error: &failure{err.Error(), nil}}
}
