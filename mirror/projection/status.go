package projection

import (
	"fmt"
	"slices"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Status is how a projection does. Its JSON is part of the API of @millpond/client.
type Status struct {
	Name string `json:"name"`
	// Version is that of the tables as they are read.
	Version string `json:"version"`
	State   State  `json:"state"`
	// Next is the version that is being built beside them; empty: none is.
	Next string `json:"next,omitempty"`
	// Folded and Total are how many events of all streams the version that is being built has folded, and is to fold.
	Folded uint64 `json:"folded,omitempty"`
	Total  uint64 `json:"total,omitempty"`
	// Problem is why it has stopped.
	Problem *Problem `json:"problem,omitempty"`
}

// State is what happens to a projection.
type State string

// The states.
const (
	Current  State = "current"  // each event is folded in the transaction that stores it
	Building State = "building" // events that the mirror has already are being folded
	Failed   State = "failed"   // it has stopped on a stream: Problem says where and why
)

// Problem is where a projection has stopped, and why. It is comparable.
type Problem struct {
	millpond.Name        // of the stream
	Offset        uint64 `json:"offset"`  // of the event that it could not fold
	Streams       int    `json:"streams"` // on how many streams it has stopped; this is the first
	Message       string `json:"message"` // what happened, and what to do
}

// Equal reports whether two say the same.
func (s Status) Equal(t Status) bool {
	problems := s.Problem == t.Problem || s.Problem != nil && t.Problem != nil && *s.Problem == *t.Problem
	s.Problem, t.Problem = nil, nil
	return problems && s == t
}

// Status is how the projections do, in the order in which they were given to Open. The slice is not changed any more.
func (s *Set) Status() ([]Status, error) {
	if !s.changed {
		return s.status, nil
	}
	var list []Status
	for _, v := range s.versions {
		i := slices.IndexFunc(list, func(st Status) bool { return st.Name == v.name })
		if i < 0 {
			list = append(list, Status{Name: v.name, Version: v.number, State: Current})
			i = len(list) - 1
		}
		if err := s.describe(v, &list[i]); err != nil {
			return nil, fmt.Errorf("status of projection %s: %w", v.name, err)
		}
	}
	s.status, s.changed = list, false
	return list, nil
}

// describe adds to a status what a version does.
func (s *Set) describe(v *version, to *Status) error {
	if v.serving {
		to.Version = v.number
	}
	if v.projection == nil {
		return nil // it only serves
	}
	folded, total, err := s.totals(v)
	if err != nil {
		return err
	}
	if !v.serving {
		to.Next = v.number
	}
	if folded < total || !v.serving {
		to.State, to.Folded, to.Total = Building, folded, total
	}
	problem, err := s.problem(v)
	if err == nil && problem != nil {
		to.State, to.Problem = Failed, problem
	}
	return err
}

func (s *Set) totals(v *version) (folded, total uint64, err error) {
	if err := bind(s.stmt.totals, []any{v.id}); err != nil {
		return 0, 0, err
	}
	err = sqlite.Each(s.stmt.totals, func(row sqlite.Stmt) error {
		total, folded = uint64(row.ColumnInt64(0)), uint64(row.ColumnInt64(1))
		return nil
	})
	return folded, total, err
}

// problem is where the version has stopped first; nil: nowhere.
func (s *Set) problem(v *version) (p *Problem, err error) {
	if err := bind(s.stmt.failures, []any{v.id}); err != nil {
		return nil, err
	}
	err = sqlite.Each(s.stmt.failures, func(row sqlite.Stmt) error {
		p = &Problem{
			Name:    millpond.Name{Namespace: row.ColumnText(0), Path: row.ColumnText(1)},
			Offset:  uint64(row.ColumnInt64(2)),
			Streams: int(row.ColumnInt64(4)),
			Message: row.ColumnText(3) + "; its rows stay as they are before this event: correct the projection and give it another version, or retry it",
		}
		return nil
	})
	return p, err
}
