package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
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

func (p *progress) finish() {
	if p.bar != nil {
		p.bar.Clear()
	}
}
