package storetest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// log makes the batches of one stream, as the engine does, and remembers what a store must hold after them.
type log struct {
	stream  store.Stream
	records []store.Record
}

func newLog(path string, incarnation int) *log {
	at := time.Date(2030, 1, 1, 0, 0, incarnation, 0, time.UTC)
	return &log{stream: store.Stream{
		Name:        millpond.Name{Namespace: millpond.DefaultNamespace, Path: path},
		Incarnation: millpond.IncarnationOf(at),
	}}
}

func (l *log) offset() uint64 { return uint64(len(l.records)) }

func (l *log) hash() millpond.Hash { return l.hashAt(l.offset()) }

func (l *log) hashAt(offset uint64) millpond.Hash {
	if offset == 0 {
		return 0
	}
	return l.records[offset-1].Hash
}

// batch makes the next batch of n records, without adding them to what is expected. Each key is that of one record.
func (l *log) batch(n int, keys ...string) store.Batch {
	b := store.Batch{Stream: l.stream, After: l.offset()}
	hash := l.hash()
	for i := range n {
		e := millpond.Event{
			Offset:    b.After + 1 + uint64(i),
			Type:      "test/event",
			Payload:   json.RawMessage(fmt.Sprintf(`{"n":%d,"text":"ü\u0000é"}`, i)),
			CreatedAt: time.Unix(int64(i), 42),
		}
		if i < len(keys) {
			e.IdempotencyKey = keys[i]
		}
		data := millpond.AppendRecord(nil, &e)
		hash = hash.Next(data)
		b.Records = append(b.Records, store.Record{Data: data, Hash: hash, Key: e.IdempotencyKey})
	}
	return b
}

// large makes the next batch, of one record of about so many bytes.
func (l *log) large(bytes int) store.Batch {
	e := millpond.Event{Offset: l.offset() + 1, Type: "test/large", CreatedAt: time.Unix(int64(l.offset()), 42), IdempotencyKey: fmt.Sprint("large-", l.offset())}
	e.Payload = append(append(append(e.Payload, '"'), pattern(bytes)...), '"')
	data := millpond.AppendRecord(nil, &e)
	return store.Batch{Stream: l.stream, After: l.offset(), Records: []store.Record{{Data: data, Hash: l.hash().Next(data), Key: e.IdempotencyKey}}}
}

// pattern is text of which no two parts are the same.
func pattern(bytes int) []byte {
	text := make([]byte, 0, bytes+8)
	for i := 0; len(text) < bytes; i++ {
		text = fmt.Appendf(text, "%07d,", i)
	}
	return text[:bytes]
}

// add adds a batch that was committed.
func (l *log) add(b store.Batch) { l.records = append(l.records, b.Records...) }
