package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store/words"
)

// selection is the FROM and WHERE of a query under construction.
type selection struct {
	joins      []string
	conditions []string
	args       []any
	uid        string   // a column that equals the uid and comes in its order
	words      []string // of a search; nil is no search, empty one that finds nothing
}

// arg adds an argument and gives its placeholder.
func (s *selection) arg(v any) string {
	s.args = append(s.args, v)
	return "$" + strconv.Itoa(len(s.args))
}

func (s *selection) where(condition string) { s.conditions = append(s.conditions, condition) }

func (s *selection) from() string {
	text := " FROM objects o" + strings.Join(s.joins, "")
	if len(s.conditions) > 0 {
		text += " WHERE " + strings.Join(s.conditions, " AND ")
	}
	return text
}

func (s *selection) order(q object.Query) string {
	switch {
	case q.Newest:
		return " ORDER BY " + s.uid + " DESC"
	case q.Kind == "":
		return " ORDER BY o.kind, o.name"
	}
	return " ORDER BY o.name"
}

// selection checks q and makes the conditions of it, all but the cursor's.
func (s *Store) selection(ctx context.Context, db queryer, q object.Query) (*selection, error) {
	sel := &selection{uid: "o.uid"}
	if err := sel.filters(q, s.fields(q.Kind)); err != nil {
		return nil, err
	}
	if q.Kind != "" {
		sel.where("o.kind = " + sel.arg(q.Kind))
	}
	if q.Owner != "" {
		sel.where("o.owner = " + sel.arg(q.Owner))
	}
	if strings.TrimSpace(q.Search) != "" {
		sel.words = words.Of(q.Search, words.MaxQuery)
		if len(sel.words) > 0 {
			kinds := []string{q.Kind}
			if q.Kind == "" {
				var err error
				if kinds, err = s.allKinds(ctx, db); err != nil {
					return nil, err
				}
			}
			if len(kinds) == 0 {
				sel.words = []string{} // there is nothing to be found
			} else {
				s.match(sel, kinds)
			}
		}
	}
	for _, a := range sel.args {
		if text, ok := a.(string); ok && !words.Storable(text) {
			return nil, problem.New(problem.Invalid, "a filter holds NUL or is not valid UTF-8")
		}
	}
	return sel, nil
}

// filters joins the labels and fields. Their keys end in the uid, so that one of
// them alone already gives the objects in order of creation.
func (s *selection) filters(q object.Query, allowed []string) error {
	join := func(table, kind, k, v string) {
		name := "f" + strconv.Itoa(len(s.joins))
		on := fmt.Sprintf(" JOIN %s %s ON %s.uid = o.uid AND %s.k = %s AND %s.v = %s", table, name, name, name, s.arg(k), name, s.arg(words.Indexed(v)))
		if kind != "" {
			on += fmt.Sprintf(" AND %s.kind = %s", name, s.arg(kind))
		}
		s.joins = append(s.joins, on)
		s.uid = name + ".uid"
	}
	for _, k := range slices.Sorted(maps.Keys(q.Labels)) {
		join("object_labels", "", k, q.Labels[k])
	}
	for _, k := range slices.Sorted(maps.Keys(q.Fields)) {
		if !slices.Contains(allowed, k) {
			p := problem.New(problem.Invalid, "objects of kind %q cannot be listed by field %q", q.Kind, k)
			if len(allowed) > 0 {
				p = p.Do("use one of " + strings.Join(allowed, ", "))
			}
			return p
		}
		join("object_fields", q.Kind, k, q.Fields[k])
	}
	return nil
}

// after adds the condition of q's cursor.
func (s *selection) after(q object.Query) error {
	if q.After == "" {
		return nil
	}
	at, err := openCursor(q)
	if err != nil {
		return err
	}
	switch {
	case q.Newest:
		s.where(s.uid + " < " + s.arg(at.UID))
	case q.Kind == "":
		s.where("(o.kind, o.name) > (" + s.arg(at.Kind) + ", " + s.arg(at.Name) + ")")
	default:
		s.where("o.name > " + s.arg(at.Name))
	}
	return nil
}
