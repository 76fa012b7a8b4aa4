package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/millpond-dev/millpond/server/store/sqlite"
	"github.com/millpond-dev/millpond/server/stream"
)

// progress is a bar on a terminal, and nothing elsewhere.
type progress struct{ bar *progressbar.ProgressBar }

// newProgress makes a bar for size bytes, or other things; -1: an unknown number.
func newProgress(w io.Writer, doing string, size int64, bytes bool) *progress {
	f, ok := w.(*os.File)
	if !ok {
		return &progress{}
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &progress{}
	}
	return &progress{progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(doing),
		progressbar.OptionShowBytes(bytes),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
}

func (p *progress) add(bytes int64) {
	if p.bar != nil {
		p.bar.Add64(bytes)
	}
}

// set says how much of how much is done.
func (p *progress) set(done, total uint64) {
	if p.bar != nil {
		p.bar.ChangeMax64(int64(total))
		p.bar.Set64(int64(done))
	}
}

// steps are a backup's or a restore's, with a bar for each.
type steps struct {
	std   *stdio
	doing string
	bar   progress
}

// step shows how far one of the steps is.
func (s *steps) step(doing string, bytes bool) func(done, total uint64) {
	return func(done, total uint64) {
		if s.doing != doing {
			s.bar.finish()
			s.doing, s.bar = doing, *newProgress(s.std.err, doing, -1, bytes)
		}
		s.bar.set(done, total)
	}
}

// options are those of a copy that shows its steps.
func (s *steps) options() sqlite.CopyOptions {
	return sqlite.CopyOptions{
		CheckOptions: sqlite.CheckOptions{Snapshot: stream.CheckSnapshot, Progress: s.step("checking", false)},
		Copied:       s.step("copying", true),
	}
}

func (p *progress) finish() {
	if p.bar != nil {
		p.bar.Clear()
	}
}
