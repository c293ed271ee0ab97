//go:build unix

package drive

import (
	"syscall"
	"time"
)

func cpuTime() (cpu, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return cpu{}, err
	}
	return cpu{user: time.Duration(usage.Utime.Nano()), system: time.Duration(usage.Stime.Nano())}, nil
}
