package sample

import (
	"os"

	"github.com/hashicorp/go-hclog"
)

// NewLogger returns what a sample logs with. To be made before Serve, which replaces os.Stderr: its records
// reach the host on the real standard error.
func NewLogger(name string) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Name: name, Level: hclog.Trace, Output: os.Stderr, JSONFormat: true})
}
