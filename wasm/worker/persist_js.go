package worker

import (
	"context"
	"syscall/js"
)

// newPersist makes a mirror.Options.Persist: the tab that has started this worker asks, for workers cannot. Its user may take any
// time to answer, or none.
func newPersist(host js.Value) func(context.Context) (bool, error) {
	answer := make(chan bool, 1)
	host.Set("persistAnswered", js.FuncOf(func(_ js.Value, args []js.Value) any {
		select {
		case answer <- args[0].Bool():
		default: // one is enough
		}
		return nil
	}))
	return func(ctx context.Context) (bool, error) {
		host.Call("askToPersist")
		select {
		case granted := <-answer:
			return granted, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}
