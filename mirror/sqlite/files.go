package sqlite

import (
	"errors"
	"io"
)

// Files is a file layer: it keeps the files of one database, in the place of the operating system ([Options.Files]).
// Both engines use it the same way.
//
// # Calls
//
// All calls come from within calls on the connection or its statements, on their goroutine and one at a time. They must
// not use the connection, and must not wait for another goroutine or for a promise of JavaScript: in the browser
// nothing else runs until the call has returned.
//
// There are no locks and there is no shared memory: a database has one connection at a time. A layer that can see a second
// one coming refuses to open the database with [Busy].
//
// # Errors
//
// The statement that needed the call fails. An error that wraps a [Code], such as [Full], fails it with that code; any
// other with [CantOpen] when it is Open's, and with [IOErr] otherwise. Either way it is the Cause of the [Error], unless
// SQLite has made other calls after it. SQLite rolls the transaction back where it still can, and expects a file to be
// as the failed call found it, but for the bytes that the call was to write: those may be old, new, or a mixture.
//
// # What has to survive
//
// When the program is killed: every write so far, up to the last that [Committer] was told of or that Sync has followed. A
// layer may hold later writes back, of one file or of all, if it never lets one out before an earlier one.
//
// When the power is cut: every write that Sync of that file has followed. Each later one may be there, in part
// or not at all, whatever became of those before it; but no byte outside the range of a write is harmed by it, which is
// what SQLite calls powersafe overwrite.
type Files interface {
	// Open opens a file, and creates it, empty, when there is none. SQLite opens each file once at a time. The name of the
	// database is the path given to [Open]; those of its journal and its write-ahead log add "-journal" and "-wal". A
	// TempFile has no name: every Open makes another, whose content is gone with its Close.
	Open(name string, kind FileKind) (File, error)
	// Delete deletes a file for good: it does not come back after a power cut. No file by that name is no error.
	Delete(name string) error
	// Exists reports whether there is a file. An empty one need not count.
	Exists(name string) (bool, error)
}

// FileKind tells a file layer what SQLite wants a file for.
type FileKind uint8

// The kinds of files.
const (
	DatabaseFile     FileKind = iota + 1
	JournalFile               // the rollback journal
	WALFile                   // the write-ahead log
	TempFile                  // what does not fit into memory: sorts, temporary tables, statement journals, VACUUM
	SuperJournalFile          // ties together the journals of several attached databases in one transaction
)

// File is an open file of a file layer.
type File interface {
	// ReadAt reads as io.ReaderAt says: fewer bytes than asked for come with an error, which is io.EOF at the file's end.
	// The engine then fills the rest with zeros, and SQLite knows what to do.
	io.ReaderAt
	// WriteAt writes as io.WriterAt says: all of p, or there is an error. A write beyond the end makes the file longer; what
	// is between reads as zeros.
	io.WriterAt
	// Truncate makes the file shorter, or longer by zeros.
	Truncate(size int64) error
	// Sync makes what was written to this file so far survive a power cut.
	Sync() error
	// Size is the size of the file with all that was written to it.
	Size() (int64, error)
	// Close ends the use of the file. SQLite cannot do anything about its error.
	Close() error
}

// Committer is a further ability of a database's File: to be told.
type Committer interface {
	File
	// Committed is called when a transaction has been written, and before the statement that ends it returns: what was
	// written to all files must survive the end of the program from here on. By now SQLite cannot roll back any more. So
	// after an error, which the statement does report, the layer must fail every later call on a file that has lost something.
	Committed() error
}

// The flags that SQLite opens a file with: https://sqlite.org/c3ref/c_open_autoproxy.html.
const (
	openMainDB       = 0x0100
	openMainJournal  = 0x0800
	openSuperJournal = 0x4000
	openWAL          = 0x80000
)

// fileKind is what SQLite wants a file for, in our words.
func fileKind(flags int32) FileKind {
	switch {
	case flags&openMainDB != 0:
		return DatabaseFile
	case flags&openMainJournal != 0:
		return JournalFile
	case flags&openWAL != 0:
		return WALFile
	case flags&openSuperJournal != 0:
		return SuperJournalFile
	}
	return TempFile
}

// What SQLite is told about every file layer: https://sqlite.org/c3ref/c_iocap_atomic.html.
const (
	fileSectorBytes = 4096

	iocapUndeletableWhenOpen = 0x0800
	iocapPowersafeOverwrite  = 0x1000
	iocapSubpageRead         = 0x8000
	fileCharacteristics      = iocapUndeletableWhenOpen | iocapPowersafeOverwrite | iocapSubpageRead
)

// The extended codes of file calls that fail without a code of their own: https://sqlite.org/rescode.html#extrc.
const (
	codeRead      = int(IOErr) | 1<<8
	codeShortRead = int(IOErr) | 2<<8
	codeWrite     = int(IOErr) | 3<<8
	codeSync      = int(IOErr) | 4<<8
	codeTruncate  = int(IOErr) | 6<<8
	codeSize      = int(IOErr) | 7<<8
	codeDelete    = int(IOErr) | 10<<8
	codeExists    = int(IOErr) | 13<<8
	codeClose     = int(IOErr) | 16<<8
	codeOpen      = int(CantOpen)
)

// fileCode is what SQLite is told of a file layer's error: the code that it wraps, or else that of the call.
func fileCode(err error, call int) int {
	var code Code
	if errors.As(err, &code) {
		return int(code)
	}
	return call
}
