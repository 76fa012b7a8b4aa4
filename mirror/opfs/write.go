package opfs

import (
	"fmt"
	"io"
)

// writeAll writes all of p by a call that may write less, as that of a browser may.
func writeAll(write func(p []byte, at int64) (int, error), p []byte, at int64) (written int, err error) {
	for written < len(p) {
		n, err := write(p[written:], at+int64(written))
		if err == nil && n <= 0 {
			err = fmt.Errorf("opfs: write: %w", io.ErrShortWrite)
		}
		if err != nil {
			return written, err
		}
		written += n
	}
	return written, nil
}
