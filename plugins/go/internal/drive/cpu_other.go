//go:build !unix

package drive

import "errors"

func cpuTime() (cpu, error) {
	return cpu{}, errors.New("CPU time is measured on Unix only")
}
