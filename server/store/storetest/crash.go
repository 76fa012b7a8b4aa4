package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/millpond-dev/millpond/server/store"
)

// Write commits for ever, two streams in each transaction, and after each commit prints to out what is acknowledged now, in
// a line. It returns only when something fails. The process is to be killed.
func Write(s store.Store, out io.Writer) error {
	a, b := newLog("/crash/a", 1), newLog("/crash/b", 1)
	for i := 0; ; i++ {
		first, second := a.batch(1+i%7), b.batch(1+i%7)
		if err := s.Commit(context.Background(), []store.Batch{first, second}); err != nil {
			return err
		}
		a.add(first)
		b.add(second)
		if _, err := fmt.Fprintln(out, a.offset()); err != nil {
			return err
		}
	}
}

// Acknowledged reads what Write printed, up to the last whole line.
func Acknowledged(in io.Reader) (offset uint64) {
	lines := bufio.NewReader(in)
	for {
		var n uint64
		line, err := lines.ReadString('\n')
		if err != nil {
			return offset
		}
		if _, err := fmt.Sscan(line, &n); err == nil {
			offset = n
		}
	}
}

// Verify checks what is left of a Write that was killed: all that was acknowledged is there, in both streams the
// same, and whole transactions only.
func Verify(s store.Store, acknowledged uint64) error {
	a, b := newLog("/crash/a", 1), newLog("/crash/b", 1)
	head, err := s.Head(context.Background(), a.stream.Name)
	if errors.Is(err, store.ErrNoStream) && acknowledged == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if head.Offset < acknowledged {
		return fmt.Errorf("offset %d was acknowledged; the log ends at %d", acknowledged, head.Offset)
	}
	for i := 0; a.offset() < head.Offset; i++ {
		a.add(a.batch(1 + i%7))
		b.add(b.batch(1 + i%7))
	}
	if a.offset() != head.Offset {
		return fmt.Errorf("the log ends at %d, within a transaction that ends at %d", head.Offset, a.offset())
	}
	return errors.Join(verify(s, a.stream, a.records), verify(s, b.stream, b.records))
}
