package store

import (
	"slices"
	"testing"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

func FuzzCursor(f *testing.F) {
	q := object.Query{Kind: "Widget", Owner: "x"}
	f.Add(sealCursor(q, position{Kind: "Widget", Name: "shop"}))
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		q.After = text
		at, err := openCursor(q)
		if err != nil {
			if !problem.Is(err, problem.Invalid) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if again := sealCursor(q, at); again != text {
			t.Logf("%q is written %q", text, again) // another order of its fields, with the right sum
		}
	})
}

func FuzzParseRow(f *testing.F) {
	columns := table{name: "t", columns: []column{{"a", typeInteger, 1}, {"b", typeText, 0}, {"c", typeBlob, 0}, {"d", typeReal, 0}}}
	f.Add([]byte("[1,\"x\",\"AAE=\",1.5]\n"))
	f.Add([]byte("[null,null,null,null]\n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		row, err := parseRow(columns, line)
		if err != nil {
			return
		}
		back, err := appendRow(nil, columns, row)
		if err != nil {
			return // such as a number where text belongs
		}
		again, err := parseRow(columns, back)
		if err != nil || len(again) != len(row) {
			t.Errorf("%q became %q: %v", line, back, err)
		}
	})
}

func TestUIDsGrow(t *testing.T) {
	var u uidSource
	var all []int64
	for range 1000 {
		all = append(all, u.next(uidEpoch.AddDate(6, 0, 0)))
	}
	all = append(all, u.next(uidEpoch.AddDate(5, 0, 0)), u.next(uidEpoch.AddDate(-5, 0, 0))) // the clock goes back
	if !slices.IsSorted(all) || len(slices.Compact(all)) != 1002 {
		t.Error("uids do not grow")
	}
	if last := u.next(uidEpoch.AddDate(60, 0, 0)); last < 0 {
		t.Errorf("uid %d in sixty years", last)
	}
}
