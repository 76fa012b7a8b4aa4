//go:build !js

package sqlitetest

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
)

// Memory is what the process has of the machine's memory, in bytes, without garbage.
func Memory() int64 {
	debug.FreeOSMemory()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil { // not Linux: what Go has
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapInuse)
	}
	var size, resident int64
	fmt.Sscan(string(statm), &size, &resident)
	return resident * int64(os.Getpagesize())
}
