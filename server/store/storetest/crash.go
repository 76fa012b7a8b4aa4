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
		n := int(transactionRecords(i))
		first, second := a.batch(n), b.batch(n)
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

// Begun is the offset at which the transaction ends that Write begins when the one up to acknowledged is: no record past it
// has been given to the store.
func Begun(acknowledged uint64) uint64 {
	end := uint64(0)
	for i := 0; end <= acknowledged; i++ {
		end += transactionRecords(i)
	}
	return end
}

// transactionRecords is how many records the i-th transaction of Write gives each stream.
func transactionRecords(i int) uint64 { return uint64(1 + i%7) }

// Verify checks what is left of a Write that was killed: all that was acknowledged is there, nothing is there past what was
// begun, in both streams the same, and whole transactions only; and that the store takes the next transaction.
func Verify(s store.Store, acknowledged, begun uint64) error {
	ctx := context.Background()
	a, b := newLog("/crash/a", 1), newLog("/crash/b", 1)
	head, err := s.Head(ctx, a.stream.Name)
	if err != nil && !errors.Is(err, store.ErrNoStream) {
		return err
	}
	if head.Offset < acknowledged || head.Offset > begun {
		return fmt.Errorf("offset %d was acknowledged, %d was begun; the log ends at %d", acknowledged, begun, head.Offset)
	}
	transactions := 0
	for ; a.offset() < head.Offset; transactions++ {
		n := int(transactionRecords(transactions))
		a.add(a.batch(n))
		b.add(b.batch(n))
	}
	if a.offset() != head.Offset {
		return fmt.Errorf("the log ends at %d, within a transaction that ends at %d", head.Offset, a.offset())
	}
	if head.Offset > 0 {
		if err := errors.Join(verify(s, a.stream, a.records), verify(s, b.stream, b.records)); err != nil {
			return err
		}
	}
	n := int(transactionRecords(transactions))
	if err := s.Commit(ctx, []store.Batch{a.batch(n), b.batch(n)}); err != nil {
		return fmt.Errorf("the transaction after offset %d: %w", head.Offset, err)
	}
	return nil
}
