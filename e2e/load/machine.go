//go:build linux

package load

import (
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Syncs is how often a second one writer can append 4 KiB to a file in the directory and have it on the disk.
func Syncs(dir string, d time.Duration) (perSecond float64, err error) {
	f, err := os.CreateTemp(dir, "sync")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	page := make([]byte, 4<<10)
	n, start := 0, time.Now()
	for time.Since(start) < d {
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
		n++
	}
	return float64(n) / time.Since(start).Seconds(), nil
}

// Loopback is how many bytes a second go through one TCP connection of this machine to itself.
func Loopback(bytes int64) (perSecond float64, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	sent := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			defer c.Close()
			chunk := make([]byte, 256<<10)
			for rest := bytes; rest > 0 && err == nil; rest -= int64(len(chunk)) {
				_, err = c.Write(chunk)
			}
		}
		sent <- err
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return 0, err
	}
	defer c.Close()
	buf := make([]byte, readBytes)
	start, got := time.Now(), int64(0)
	for {
		n, err := c.Read(buf)
		got += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	took := time.Since(start)
	return float64(got) / took.Seconds(), <-sent
}
