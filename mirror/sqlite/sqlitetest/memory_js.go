package sqlitetest

import (
	"runtime"
	"syscall/js"
)

// Memory is what is in use of the program's memory, without garbage, and all of SQLite's, in bytes. A host that does not show
// SQLite's is believed that it does not grow.
func Memory() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	total := int64(stats.HeapInuse)
	if sqlite := js.Global().Get("linkedSQLite"); sqlite.Truthy() {
		total += int64(sqlite.Get("memory").Get("buffer").Get("byteLength").Int())
	}
	return total
}
