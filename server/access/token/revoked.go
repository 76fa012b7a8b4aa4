package token

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// revoked are tokens that are good but for being listed.
type revoked struct {
	ids      map[string]bool
	subjects map[string]time.Time // tokens issued until then; zero: all
}

func (r *revoked) has(c *Claims) bool {
	if c.ID != "" && r.ids[c.ID] {
		return true
	}
	until, ok := r.subjects[c.Subject]
	return ok && (until.IsZero() || c.IssuedAt.Before(until))
}

// parseRevoked reads a file with one of these on each line:
//
//	jti ID                                    this token
//	sub SUBJECT                               all tokens of this subject
//	sub SUBJECT before 2026-01-31T12:00:00Z   those issued before, and those that do not say when
//
// Empty lines, and those that begin with #, mean nothing.
func parseRevoked(text []byte) (*revoked, error) {
	r := &revoked{ids: map[string]bool{}, subjects: map[string]time.Time{}}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		if err := r.add(text); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return r, nil
}

func (r *revoked) add(line string) error {
	what, name, _ := strings.Cut(line, " ")
	name = strings.TrimSpace(name)
	switch {
	case name == "":
	case what == "jti":
		r.ids[name] = true
		return nil
	case what == "sub":
		var until time.Time
		if i := strings.LastIndex(name, " before "); i >= 0 {
			var err error
			if until, err = time.Parse(time.RFC3339, strings.TrimSpace(name[i+len(" before "):])); err != nil {
				return fmt.Errorf("%w: the time must be like 2026-01-31T12:00:00Z", err)
			}
			name = strings.TrimSpace(name[:i])
		}
		if old, ok := r.subjects[name]; ok && (old.IsZero() || !until.IsZero() && old.After(until)) {
			until = old // the line that revokes more
		}
		r.subjects[name] = until
		return nil
	}
	return fmt.Errorf("must be jti ID, or sub SUBJECT, perhaps with before TIME")
}
