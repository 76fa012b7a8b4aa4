package faultfiles

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// ErrClosed is what a file answers that was closed, by its user or by a crash.
var ErrClosed = errors.New("faultfiles: the file is closed")

// Disk is files in memory. The zero value is not ready: New makes one. It is for one goroutine at a time.
type Disk struct {
	// Fault, if any, says which calls fail.
	Fault Fault
	// Limit, if it is not 0, bounds the bytes of all files together. The write that would pass it writes what there is room
	// for, and fails with sqlite.Full.
	Limit int64

	files  map[string]*content
	power  int // counts the crashes: a file that was opened before the last is dead
	calls  int
	counts map[Op]int
}

var _ sqlite.Files = (*Disk)(nil)

// New is an empty disk.
func New() *Disk { return &Disk{files: make(map[string]*content), counts: make(map[Op]int)} }

// Open opens a file, or creates it. A database that is open is sqlite.Busy.
func (d *Disk) Open(name string, kind sqlite.FileKind) (sqlite.File, error) {
	if _, err := d.call(Open, name, 0); err != nil {
		return nil, err
	}
	if kind == sqlite.TempFile {
		return &file{disk: d, power: d.power, content: new(content)}, nil
	}
	c := d.files[name]
	switch {
	case c == nil:
		c = new(content)
		d.files[name] = c
	case c.open && kind == sqlite.DatabaseFile:
		return nil, fmt.Errorf("faultfiles: %s has a connection already: %w", name, sqlite.Busy)
	}
	c.open = true
	return &file{disk: d, power: d.power, name: name, content: c}, nil
}

// Delete deletes a file, for good.
func (d *Disk) Delete(name string) error {
	if _, err := d.call(Delete, name, 0); err != nil {
		return err
	}
	delete(d.files, name)
	return nil
}

// Exists reports whether there is a file with the name.
func (d *Disk) Exists(name string) (bool, error) {
	_, err := d.call(Exists, name, 0)
	return d.files[name] != nil, err
}

// call counts a call and asks for its fault.
func (d *Disk) call(op Op, name string, bytes int) (written int, err error) {
	d.calls++
	d.counts[op]++
	if d.Fault == nil {
		return 0, nil
	}
	return d.Fault(Call{Number: d.calls, Op: op, OpNumber: d.counts[op], Name: name, Bytes: bytes})
}

// Calls is how many calls there were on the disk and its files.
func (d *Disk) Calls() int { return d.calls }

// CallsOf is how many calls of a kind there were.
func (d *Disk) CallsOf(op Op) int { return d.counts[op] }

// Bytes is what a file has, synced or not; nil when there is none.
func (d *Disk) Bytes(name string) []byte {
	if c := d.files[name]; c != nil {
		return slices.Clone(c.data)
	}
	return nil
}

// Synced is what a file has for certain after a power cut.
func (d *Disk) Synced(name string) []byte {
	if c := d.files[name]; c != nil {
		return slices.Clone(c.synced)
	}
	return nil
}

// Put makes a file with this content, synced.
func (d *Disk) Put(name string, data []byte) {
	d.files[name] = &content{data: slices.Clone(data), synced: slices.Clone(data)}
}

// Spoil writes over what a file has from an offset on, below whoever has it open, synced.
func (d *Disk) Spoil(name string, at int64, data []byte) {
	if c := d.files[name]; c != nil {
		c.write(data, at)
		c.sync()
	}
}

// Shorten cuts a file off, below whoever has it open, synced.
func (d *Disk) Shorten(name string, size int64) {
	if c := d.files[name]; c != nil {
		c.truncate(size)
		c.sync()
	}
}

// Used is the bytes of all files together.
func (d *Disk) Used() (bytes int64) {
	for _, c := range d.files {
		bytes += int64(len(c.data))
	}
	return bytes
}

// Kill ends the process: the files have all that was written. Calls are counted from the start again.
func (d *Disk) Kill() { d.crash(func(*content) {}) }

// Cut ends the power: of what was not synced, random numbers say what is there; with nil, nothing is.
// Calls are counted from the start again.
func (d *Disk) Cut(r *rand.Rand) { d.crash(func(c *content) { c.cut(r) }) }

func (d *Disk) crash(each func(*content)) {
	for _, name := range slices.Sorted(maps.Keys(d.files)) { // the same random numbers, the same disk
		each(d.files[name])
		d.files[name].open = false
	}
	d.power++
	d.calls = 0
	clear(d.counts)
}
