package opfs

import (
	"fmt"
	"io"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// tempFiles are the temporary files of a connection: in memory, and those that are too large in spare files.
type tempFiles struct {
	bytes  int64 // in memory, of all of them
	spares []*file
}

// errTempFull is told when a temporary file has grown out of memory and there is nowhere to go.
var errTempFull = fmt.Errorf("opfs: temporary files need more than %d MiB and the %d spare files: sort or join less at once: %w",
	maxTempBytes>>20, spareFiles, sqlite.Full)

// tempFile is a temporary file: nobody else sees it, and nobody misses it.
type tempFile struct {
	temps *tempFiles
	size  int64
	// chunks hold it, of tempChunkBytes each. They are nil where nothing was written, and all of them are gone once it is
	// in a spare file.
	chunks [][]byte
	spare  *file
}

const tempChunkBytes = 64 << 10

func (f *tempFile) ReadAt(p []byte, at int64) (n int, err error) {
	if f.spare != nil {
		return f.spare.ReadAt(p, at)
	}
	want := p[:min(int64(len(p)), max(0, f.size-at))]
	for n < len(want) {
		i, from := (at+int64(n))/tempChunkBytes, (at+int64(n))%tempChunkBytes
		part := want[n:min(len(want), n+int(tempChunkBytes-from))]
		if chunk := f.chunks[i]; chunk != nil {
			copy(part, chunk[from:])
		} else {
			clear(part)
		}
		n += len(part)
	}
	if n < len(p) {
		err = io.EOF
	}
	return n, err
}

func (f *tempFile) WriteAt(p []byte, at int64) (n int, err error) {
	for n < len(p) && f.spare == nil {
		i, from := (at+int64(n))/tempChunkBytes, (at+int64(n))%tempChunkBytes
		chunk := f.chunk(i)
		if chunk == nil {
			if err := f.spill(); err != nil {
				return n, err
			}
			break
		}
		n += copy(chunk[from:], p[n:])
		f.size = max(f.size, at+int64(n))
	}
	if n == len(p) {
		return n, nil
	}
	more, err := f.spare.WriteAt(p[n:], at+int64(n))
	return n + more, err
}

// chunk is a chunk to write to; nil when there is no memory for it.
func (f *tempFile) chunk(i int64) []byte {
	for int64(len(f.chunks)) <= i {
		f.chunks = append(f.chunks, nil)
	}
	if f.chunks[i] == nil && f.temps.bytes+tempChunkBytes <= maxTempBytes {
		f.chunks[i] = make([]byte, tempChunkBytes)
		f.temps.bytes += tempChunkBytes
	}
	return f.chunks[i]
}

// spill moves the file to a spare one.
func (f *tempFile) spill() error {
	spares := f.temps.spares
	if len(spares) == 0 {
		return errTempFull
	}
	spare := spares[len(spares)-1]
	if err := spare.Truncate(0); err != nil { // it may have been left full
		return err
	}
	for i, chunk := range f.chunks {
		at := int64(i) * tempChunkBytes
		if chunk == nil || at >= f.size {
			continue
		}
		if _, err := spare.WriteAt(chunk[:min(tempChunkBytes, f.size-at)], at); err != nil {
			return err
		}
	}
	if err := spare.Truncate(f.size); err != nil {
		return err
	}
	f.temps.spares = spares[:len(spares)-1]
	f.spare = spare
	f.free(0)
	return nil
}

// free gives the memory from a chunk on back.
func (f *tempFile) free(from int) {
	rest := f.chunks[min(from, len(f.chunks)):]
	for _, chunk := range rest {
		f.temps.bytes -= int64(len(chunk))
	}
	clear(rest) // what is beyond the length would hold the memory
	f.chunks = f.chunks[:len(f.chunks)-len(rest)]
}

func (f *tempFile) Truncate(size int64) error {
	if f.spare != nil {
		return f.spare.Truncate(size)
	}
	f.free(int((size + tempChunkBytes - 1) / tempChunkBytes))
	if rest := size % tempChunkBytes; size < f.size && rest > 0 && f.chunks[size/tempChunkBytes] != nil {
		clear(f.chunks[size/tempChunkBytes][rest:])
	}
	for int64(len(f.chunks))*tempChunkBytes < size {
		f.chunks = append(f.chunks, nil)
	}
	f.size = size
	return nil
}

func (f *tempFile) Sync() error { return nil }

func (f *tempFile) Size() (int64, error) {
	if f.spare != nil {
		return f.spare.Size()
	}
	return f.size, nil
}

// Close gives back what the file has used, the room on the disk too.
func (f *tempFile) Close() error {
	f.free(0)
	if f.spare == nil {
		return nil
	}
	f.temps.spares = append(f.temps.spares, f.spare)
	spare := f.spare
	f.spare = nil
	return spare.Truncate(0)
}
