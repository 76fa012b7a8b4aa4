package opfs

import (
	"context"
	"fmt"
	"syscall/js"
	"time"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Open opens the files of the mirror with this name, and creates those that are missing. It fails with ErrUnavailable,
// ErrBusy, ErrFull or ErrName, or as the browser does.
func Open(ctx context.Context, name string) (*Pool, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	names := make([]any, len(fileNames))
	for i, file := range fileNames {
		names[i] = file
	}
	var ids js.Value
	err := retry(ctx, func() (err error) {
		ids, err = call("open", name, names)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open mirror %q: %w", name, err)
	}
	handles := make([]sqlite.File, len(fileNames))
	for i := range handles {
		handles[i] = handle(ids.Index(i).Int())
	}
	pool, err := newPool(name, handles)
	if err != nil {
		for _, h := range handles {
			h.Close() // the first error is the one that tells
		}
		return nil, fmt.Errorf("open mirror %q: %w", name, err)
	}
	return pool, nil
}

// Check fails with ErrLost when the pool's folder is gone, or is another one now: site data was cleared while it was open. The
// open files do not notice that: they go on, and nobody else will ever see what they hold.
func (p *Pool) Check() error {
	if _, err := call("check", p.name); err != nil {
		return fmt.Errorf("check mirror %q: %w", p.name, err)
	}
	return nil
}

// Room is what the browser says about the storage of the whole site.
type Room struct {
	UsageBytes, QuotaBytes int64
	Persisted              bool // it is not deleted when room gets scarce
}

// Measure asks the browser for the room that there is. What it says is rounded, so that pages cannot tell what others have stored.
func Measure() (Room, error) {
	v, err := call("measure")
	if err != nil {
		return Room{}, err
	}
	return Room{int64(v.Get("usage").Float()), int64(v.Get("quota").Float()), v.Get("persisted").Bool()}, nil
}

// Delete removes the files of the mirror with this name, for good. Its pool must be closed, else ErrBusy. It does nothing
// when there are none.
func Delete(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	err := retry(ctx, func() error {
		_, err := call("remove", name)
		return err
	})
	if err != nil {
		return fmt.Errorf("delete mirror %q: %w", name, err)
	}
	return nil
}

// promisePatience bounds how long the browser may take for what it promises: a mirror that waits for ever is of no use, and one in
// memory is.
const promisePatience = 10 * time.Second

// call calls a function of opfs.js that answers by a promise, and waits for it, for so long. Not to be called in a
// callback.
func call(function string, args ...any) (js.Value, error) {
	type outcome struct {
		value js.Value
		err   error
	}
	done := make(chan outcome, 2) // the callbacks never wait, also when nobody does any more
	resolve := js.FuncOf(func(_ js.Value, args []js.Value) any {
		done <- outcome{value: args[0]}
		return nil
	})
	reject := js.FuncOf(func(_ js.Value, args []js.Value) any {
		done <- outcome{err: jsError(function, args[0])}
		return nil
	})
	promises().Call(function, args...).Call("then", resolve, reject)
	select {
	case o := <-done:
		resolve.Release()
		reject.Release()
		return o.value, o.err
	case <-time.After(promisePatience):
		return js.Value{}, &Error{Op: function, Name: "TimeoutError", Message: fmt.Sprintf("the browser has not answered within %v", promisePatience)}
	}
}

// promises is the part of opfs.js that works by promises, which import functions cannot.
func promises() js.Value { return js.Global().Get("millpondOPFS") }

// jsError is an exception as opfs.js describes it.
func jsError(op string, e js.Value) *Error {
	return &Error{Op: op, Name: e.Get("name").String(), Message: e.Get("message").String()}
}
