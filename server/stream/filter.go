package stream

import "github.com/millpond-dev/millpond"

// filter is a set of event types. The nil filter passes all.
type filter map[string]struct{}

func newFilter(types []string) filter {
	if len(types) == 0 {
		return nil
	}
	f := make(filter, len(types))
	for _, t := range types {
		if t == "*" {
			return nil
		}
		f[t] = struct{}{}
	}
	return f
}

func (f filter) passes(record []byte) bool {
	if f == nil {
		return true
	}
	_, ok := f[string(millpond.RecordType(record))]
	return ok
}

// apply takes from the part, which follows the hash, the records that pass, of at most maxBytes but one at least.
// count is of those; last and hash say how far it looked.
func (f filter) apply(p part, hash millpond.Hash, maxBytes int) (part, error) {
	out := part{last: p.last - uint64(p.count), hash: hash}
	rest := p.records
	for len(rest) > 0 {
		record, next, err := millpond.NextRecord(rest)
		if err != nil {
			return part{}, err
		}
		framed := rest[:len(rest)-len(next)]
		if f.passes(record) {
			if out.count > 0 && len(out.records)+len(framed) > maxBytes {
				break
			}
			out.records = append(out.records, framed...)
			out.count++
		}
		out.last++
		out.hash = out.hash.Next(record)
		rest = next
	}
	return out, nil
}
