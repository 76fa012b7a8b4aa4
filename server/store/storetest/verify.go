package storetest

import (
	"bytes"
	"context"
	"fmt"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// verify checks that the stream's log is exactly the records: read in small pages, each hash in its place.
func verify(s store.Store, stream store.Stream, want []store.Record) error {
	head, err := s.Head(context.Background(), stream.Name)
	if err != nil {
		return fmt.Errorf("head of %s: %w", stream.Name, err)
	}
	last := want[len(want)-1]
	if head.Stream != stream || head.Offset != uint64(len(want)) || head.Hash != last.Hash || !isHead(head.Last, last.Data) {
		return fmt.Errorf("head: got %+v, want offset %d, hash %s of %+v", head, len(want), last.Hash, stream)
	}
	records, err := readAll(s, stream)
	if err != nil {
		return err
	}
	if len(records) != len(want) {
		return fmt.Errorf("%s holds %d records, want %d", stream.Name, len(records), len(want))
	}
	for i := range want {
		if string(records[i]) != string(want[i].Data) {
			return fmt.Errorf("%s: record %d: got %x, want %x", stream.Name, i+1, records[i], want[i].Data)
		}
	}
	return nil
}

// readAll reads a log in small pages, checking offsets and the hash chain.
func readAll(s store.Store, stream store.Stream) ([][]byte, error) {
	var all [][]byte
	var hash millpond.Hash
	for {
		after := uint64(len(all))
		page, err := s.Read(context.Background(), stream, store.Range{After: after, Limit: 128, Bytes: 8 << 10})
		if err != nil {
			return nil, err
		}
		if page.Count == 0 && page.Large == 0 {
			return all, nil
		}
		if page.Count == 0 {
			record, at, err := readLarge(s, stream, after+1, page.Large)
			if err != nil {
				return nil, err
			}
			if hash = hash.Next(record); hash != at {
				return nil, fmt.Errorf("hash at %d: got %s, the record says %s", after+1, at, hash)
			}
			all = append(all, record)
			continue
		}
		records, err := walk(page, after, hash)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			all = append(all, bytes.Clone(r))
		}
		hash = page.Hash
		clear(page.Records) // a page is the caller's: the log is as it was
	}
}

// readLarge reads a record part by part, of sizes that are and are not those that it is stored in.
func readLarge(s store.Store, stream store.Stream, offset uint64, size int) (record []byte, hash millpond.Hash, err error) {
	for n := 100_000; len(record) < size; n = n*2 + 1 {
		part, err := s.ReadPart(context.Background(), stream, offset, len(record), n)
		if err != nil {
			return nil, 0, fmt.Errorf("%s, offset %d, from byte %d: %w", stream.Name, offset, len(record), err)
		}
		if len(part.Data) == 0 || len(part.Data) > n || len(part.Data) > millpond.MaxPartBytes || part.RecordBytes != size {
			return nil, 0, fmt.Errorf("%s, offset %d, from byte %d: %d bytes of %d, want 1 to %d of %d",
				stream.Name, offset, len(record), len(part.Data), part.RecordBytes, n, size)
		}
		record, hash = append(record, part.Data...), part.Hash
	}
	return record, hash, nil
}

// walk splits a page into its records and checks that they follow offset and hash.
func walk(page store.Page, after uint64, hash millpond.Hash) ([][]byte, error) {
	var records [][]byte
	rest := page.Records
	for len(rest) > 0 {
		var record []byte
		var err error
		if record, rest, err = millpond.NextRecord(rest); err != nil {
			return nil, err
		}
		records = append(records, record)
		hash = hash.Next(record)
		if got, want := millpond.RecordOffset(record), after+uint64(len(records)); got != want {
			return nil, fmt.Errorf("got offset %d, want %d", got, want)
		}
	}
	switch {
	case len(records) != page.Count, page.Last != after+uint64(page.Count):
		return nil, fmt.Errorf("page says %d records up to %d; it has %d after %d", page.Count, page.Last, len(records), after)
	case page.Count > 0 && hash != page.Hash:
		return nil, fmt.Errorf("hash at %d: got %s, the records say %s", page.Last, page.Hash, hash)
	}
	return records, nil
}

// isHead reports whether what a head has of the last record is right: all of it, or the beginning of a large one.
func isHead(got, record []byte) bool {
	if len(record) > millpond.MaxPartBytes {
		return len(got) > 0 && len(got) <= millpond.MaxPartBytes && bytes.HasPrefix(record, got)
	}
	return bytes.Equal(got, record)
}
