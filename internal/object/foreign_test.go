package object_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stoa-platform/stoa/internal/object"
)

func TestReadForeign(t *testing.T) {
	type doc struct {
		Text string
		Line int // of the root, in the file
	}
	for name, c := range map[string]struct {
		text string
		docs []doc
		told []string
	}{
		"nothing":              {"# a\n---\n...\n", nil, nil},
		"as it was written":    {"\ufeff# head\na: 1 # one\n--- # next\n\n'b':   2\n", []doc{{"# head\na: 1 # one\n", 2}, {"\n'b':   2\n", 5}}, nil},
		"content at a marker":  {"--- {a: 1}\n---\tx\n", []doc{{"{a: 1}\n", 1}, {"x\n", 2}}, nil},
		"windows lines":        {"a: 1\r\n---\r\nb: 2\r\n", []doc{{"a: 1\r\n", 1}, {"b: 2\r\n", 3}}, nil},
		"a block with markers": {"a: |\n  ---\n  b\nc: d", []doc{{"a: |\n  ---\n  b\nc: d", 1}}, nil},
		"one is broken":        {"a: 1\n---\nb: [\n---\nc: 3\n", []doc{{"a: 1\n", 1}, {"c: 3\n", 5}}, []string{"3: is not YAML"}},
		"all are broken":       {"a: 'b\n---\n\tc: 1\n", nil, []string{"2: is not YAML", "3: is indented with a tab"}},
		"not text":             {"a: \xff\n", nil, []string{"1: is not YAML"}},
		"too many":             {strings.Repeat("a: 1\n---\n", object.MaxDocuments+1), nil, []string{"1: has 20001 documents, the limit is 20000"}},
		"too many entries":     {"a: [" + strings.Repeat(",", 500_001) + "]", nil, []string{"1: the document has 500001 entries"}},
	} {
		t.Run(name, func(t *testing.T) {
			docs, wrong := object.ReadForeign([]byte(c.text))
			var got []doc
			for _, d := range docs {
				got = append(got, doc{string(d.Text), d.Root.Line + d.Before})
			}
			if diff := cmp.Diff(c.docs, got); diff != "" {
				t.Error(diff)
			}
			if len(wrong) != len(c.told) {
				t.Fatalf("told is %v", wrong)
			}
			for i, want := range c.told {
				if got := strings.TrimPrefix(wrong[i].String(), "line "); !strings.HasPrefix(got, want) {
					t.Errorf("told is %q, want %q", got, want)
				}
			}
		})
	}
}
