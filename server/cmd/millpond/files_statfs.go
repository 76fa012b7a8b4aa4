//go:build linux || darwin || freebsd

package main

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

const exposesModes = true

// owner is the number of the user who owns a file.
func owner(info os.FileInfo) string {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return strconv.FormatUint(uint64(s.Uid), 10)
	}
	return ""
}

// diskSpace is how many bytes a user may still write where the folder is, and how many there are.
func diskSpace(dir string) (free, total uint64, ok bool) {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return 0, 0, false
	}
	size := uint64(s.Bsize)
	return uint64(s.Bavail) * size, uint64(s.Blocks) * size, true
}
