//go:build linux

package load

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// CPU is the processor time that a process has used.
func CPU(pid int) (time.Duration, error) {
	const scheduler = 2 // CPUCLOCK_SCHED: what the scheduler has measured, where /proc/PID/stat may hold a count of ticks
	var used unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|scheduler), &used)
	return time.Duration(used.Nano()), err
}

// RSS is the memory of a process that is in RAM, in bytes.
func RSS(pid int) (int64, error) {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseInt(string(bytes.Fields(statm)[1]), 10, 64)
	return pages * int64(os.Getpagesize()), err
}
