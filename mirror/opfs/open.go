package opfs

import (
	"context"
	"errors"
	"time"
)

// retry tries an open again while the files are busy elsewhere, within the bounds of limits.go.
func retry(ctx context.Context, try func() error) error {
	deadline := time.Now().Add(openPatience)
	for pause := minOpenPause; ; pause = min(2*pause, maxOpenPause) {
		err := try()
		if !errors.Is(err, ErrBusy) || !time.Now().Add(pause).Before(deadline) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}
