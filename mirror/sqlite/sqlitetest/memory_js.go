package sqlitetest

import "runtime"

// Memory is what is in use of the program's memory, in bytes, without garbage.
func Memory() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapInuse)
}
