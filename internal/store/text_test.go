package store

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		"Shop-API v2":            "shop api v2",
		"the the THE":            "the",
		"Zürich, Ärzte e\u0301":  "zurich arzte e",
		"ﬁne":                    "fine",
		"İstanbul":               "istanbul",
		"東京 サービス":                "東京 サーヒス",
		"a_b.c/d":                "a b c d",
		"\x00\xff'\"*":           "",
		strings.Repeat("x", 100): strings.Repeat("x", 64),
		strings.Repeat("ß", 100): strings.Repeat("ß", 32),
		"\ue000widget":           "widget",
	} {
		if got := strings.Join(words(text, 100), " "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := words("a b c d", 2); len(got) != 2 {
		t.Errorf("%d words of at most 2", len(got))
	}
}

func FuzzWords(f *testing.F) {
	f.Add("Zürich 東京 \ue000 ' \" * : & | ! ( )")
	f.Fuzz(func(t *testing.T, text string) {
		found := words(text, 50)
		for _, w := range found {
			if w == "" || len(w) > maxWord || !utf8.ValidString(w) || strings.ContainsAny(w, " '\"*:&|!()\\\x00\ue000") {
				t.Errorf("%q gives the word %q", text, w)
			}
			// A query for a word finds the text with it.
			if again := words(w, 1); len(again) != 1 || again[0] != w {
				t.Errorf("the word %q of %q is %q as a query", w, text, again)
			}
		}
	})
}

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

func TestIndexed(t *testing.T) {
	long := strings.Repeat("x", 300)
	if got := indexed(long); len(got) > maxIndexed || got == indexed(long+"y") {
		t.Errorf("%q", got)
	}
	if got := indexed("a\x00"); !storable(got) {
		t.Errorf("%q", got)
	}
	if got := indexed("short"); got != "short" {
		t.Errorf("%q", got)
	}
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
