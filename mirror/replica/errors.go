package replica

import (
	"errors"
	"fmt"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// What Apply and Rebuild fail with, besides errors of SQLite. Whichever it is, the replica is as it was before.
var (
	// ErrOtherIncarnation: the batch is of another life of the stream than the copy. Rebuild.
	ErrOtherIncarnation = errors.New("the copy is of another incarnation of the stream")
	// ErrGap: the batch does not continue the copy, or has a hole in it. Subscribe again after the position.
	ErrGap = errors.New("offsets are not consecutive")
	// ErrDiverged: the copy holds another event at an offset of the batch. Subscribe again: the server decides to rebuild.
	ErrDiverged = errors.New("another event is stored at the same offset")
	// ErrHash: the log hash after the batch is not the one that it promises. Subscribe again: the server finds whether the
	// copy is a prefix of its log.
	ErrHash = errors.New("the log hash differs")
	// ErrRecord: a record of the batch is malformed, or its JSON is. Subscribe again.
	ErrRecord = errors.New("malformed event record")
)

// ErrCorrupt is what every method fails with when it sees that the database contradicts itself. The copy is worth
// nothing then: delete the database and let the server fill a new one.
var ErrCorrupt = errors.New("the replica's database is corrupt")

// SchemaError is what Open fails with when the database is of another version, or not a replica at all.
type SchemaError struct {
	ApplicationID int64 // 0: none, a database of some other program or of none
	Version       int64
}

func (e *SchemaError) Error() string {
	if e.ApplicationID != ApplicationID {
		return "the database is not a mirror's: choose another file name"
	}
	return fmt.Sprintf("the database has schema version %d, this program reads %d: delete the database, and it is filled again from the server",
		e.Version, SchemaVersion)
}

// asCorrupt makes what SQLite says about a damaged file an ErrCorrupt too, and about a row where the position says that
// there is none.
func asCorrupt(err error) error {
	if errors.Is(err, ErrCorrupt) {
		return err
	}
	for _, code := range []sqlite.Code{sqlite.Corrupt, sqlite.NotADB, sqlite.Constraint} {
		if errors.Is(err, code) {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
	}
	return err
}
