package mirror

import (
	"errors"
	"fmt"
	"io"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/replica"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// The codes of what is wrong with the storage, in a status and in the errors of calls.
const (
	// CodeStorageFull: the disk is full, or the browser's quota is used up. What is there can be read; what comes is asked for
	// again until there is room.
	CodeStorageFull millpond.ErrorCode = "storage_full"
	// CodeStorageCorrupt: the database was damaged. It is made anew and filled again from the server.
	CodeStorageCorrupt millpond.ErrorCode = "storage_corrupt"
	// CodeStorageLost: the files were deleted, cleared by the browser or its user, cut short, or closed by somebody else. They are opened
	// again, or made anew and filled again from the server.
	CodeStorageLost millpond.ErrorCode = "storage_lost"
	// CodeStorageOutdated: the database was of another version of this package. It was made anew and is filled again.
	CodeStorageOutdated millpond.ErrorCode = "storage_outdated"
	// CodeStorageUnavailable: there is no such storage here, or it has failed too often. The data is in memory only.
	CodeStorageUnavailable millpond.ErrorCode = "storage_unavailable"
	// CodeStorageFailed: reading or writing fails for another reason. It is tried again.
	CodeStorageFailed millpond.ErrorCode = "storage_failed"
	// CodeAppendsLost: events that were appended here were in the part of the database that cannot be read any more, and the
	// server does not have them.
	CodeAppendsLost millpond.ErrorCode = "appends_lost"
)

// StorageAction is what is to be done about a problem of the storage.
type StorageAction string

// The actions.
const (
	FreeSpace StorageAction = "free-space" // somebody has to make room; the mirror goes on by itself then
	RetryFile StorageAction = "retry"      // nothing: the mirror tries again by itself
	Refill    StorageAction = "refill"     // nothing: the mirror fills itself again from the server
	OpenAgain StorageAction = "open-again" // open the mirror again, or load the page again, once the storage works: what is in memory is gone then
)

// StorageProblem is what is wrong, or was, with the storage. It is comparable.
type StorageProblem struct {
	Code    millpond.ErrorCode `json:"code"`
	Message string             `json:"message"`
	Action  StorageAction      `json:"action"`
}

func (p *StorageProblem) equal(q *StorageProblem) bool {
	return p == q || p != nil && q != nil && *p == *q
}

func (p *StorageProblem) text() string {
	if p == nil {
		return ""
	}
	return string(p.Code) + ": " + p.Message
}

// inMemory is the problem of a mirror that has no storage but memory.
func inMemory(why error) *StorageProblem {
	return &StorageProblem{CodeStorageUnavailable, "the data is in memory only, and is fetched again the next time: " + why.Error(), OpenAgain}
}

// problemOfStorage says what an error has to do with the storage: nil when it has not.
func problemOfStorage(err error) *StorageProblem {
	var schema *replica.SchemaError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &schema):
		return &StorageProblem{CodeStorageOutdated, err.Error(), Refill}
	case isLost(err), errors.Is(err, io.ErrUnexpectedEOF):
		return &StorageProblem{CodeStorageLost, err.Error(), Refill}
	case errors.Is(err, replica.ErrCorrupt), errors.Is(err, sqlite.Corrupt), errors.Is(err, sqlite.NotADB):
		return &StorageProblem{CodeStorageCorrupt, err.Error(), Refill}
	case errors.Is(err, sqlite.Full):
		return &StorageProblem{CodeStorageFull, err.Error(), FreeSpace}
	case errors.Is(err, sqlite.IOErr), errors.Is(err, sqlite.CantOpen), errors.Is(err, sqlite.ReadOnly):
		return &StorageProblem{CodeStorageFailed, err.Error(), RetryFile}
	}
	return nil
}

// isMade reports whether the database has to be made anew, or opened again at least.
func (p *StorageProblem) isMade() bool { return p.Action == Refill }

// madeAnew is the problem as the status has it once it is dealt with.
func (p *StorageProblem) madeAnew() *StorageProblem {
	return &StorageProblem{p.Code, "the database was made anew and is filled again: " + p.Message, p.Action}
}

// storageError is the error of a call that the storage has failed.
type storageError struct {
	problem *StorageProblem
	err     error
}

func (e *storageError) Error() string   { return e.err.Error() }
func (e *storageError) Unwrap() []error { return []error{e.problem.Code, e.err} }

// errAppendLost is what those hear who wait for an append that is lost.
var errAppendLost = &millpond.Error{Code: CodeAppendsLost,
	Message: "the append was in the part of the database that was damaged, and may not have reached the server: look at the stream, and append it again"}

// errPartLost is why what is left of an append is not sent: it was to be committed as a whole.
func errPartLost(lost int) *millpond.Error {
	return &millpond.Error{Code: CodeAppendsLost,
		Message: fmt.Sprintf("%d events of this append were in the part of the database that was damaged: send the rest, or drop it", lost)}
}
