package faultfiles

import "errors"

// Op is a kind of call.
type Op string

// The kinds.
const (
	Open     Op = "open"
	Delete   Op = "delete"
	Exists   Op = "exists"
	Read     Op = "read"
	Write    Op = "write"
	Truncate Op = "truncate"
	Sync     Op = "sync"
	Size     Op = "size"
	Close    Op = "close"
)

// Call is a call on a disk or on one of its files, before it is done.
type Call struct {
	Number   int // of all calls since the disk was made or has crashed, from 1
	Op       Op
	OpNumber int    // of the calls of this kind, from 1
	Name     string // of the file; "" for a temporary one
	Bytes    int    // to read or to write
}

// Fault says what becomes of a call: with an error it fails, and has done nothing, but that a failing write has
// written its first bytes, as many as written says.
type Fault func(Call) (written int, err error)

// ErrFault is an error to plant.
var ErrFault = errors.New("faultfiles: a fault that was planted")

// At fails the call with a number.
func At(number int, err error) Fault { return Between(number, number, err) }

// Between fails the calls from first to last.
func Between(first, last int, err error) Fault {
	return func(c Call) (int, error) {
		if first <= c.Number && c.Number <= last {
			return 0, err
		}
		return 0, nil
	}
}

// From fails every call from a number on, as a disk does that has gone.
func From(number int, err error) Fault {
	return func(c Call) (int, error) {
		if c.Number >= number {
			return 0, err
		}
		return 0, nil
	}
}

// Always fails every call.
func Always(err error) Fault { return From(1, err) }

// Of lets a fault see the calls of one kind only, with their numbers among these.
func Of(op Op, fault Fault) Fault {
	return func(c Call) (int, error) {
		if c.Op != op {
			return 0, nil
		}
		c.Number = c.OpNumber
		return fault(c)
	}
}

// Torn lets writes that fail write as many bytes first.
func Torn(written int, fault Fault) Fault {
	return func(c Call) (int, error) {
		_, err := fault(c)
		return written, err
	}
}
