package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

func testSearch(t *testing.T, open Open) {
	s := opened(t, open)
	equal(t, "in an empty store", names(t, s, object.Query{Search: "shop"}), nil)
	for _, o := range []struct{ name, owner, title, description string }{
		{"shop", "payments", "The shop", "Sells things"},
		{"shop-api", "payments", "", "Interface of the store front"},
		{"checkout", "shop", "Cash desk", ""},
		{"search", "discovery", "Finds", "Looks for things in the shop"},
		{"zuerich", "swiss", "Zürich Straße", "Ein Dienst für Ärzte"},
		{"tokyo", "japan", "東京 サービス", "検索"},
	} {
		w := Widget(o.name, o.owner, map[string]any{"text": "unfindable"})
		w.Metadata.Title, w.Metadata.Description = o.title, o.description
		put(t, s, w)
	}
	other := Widget("shop-other", "", 1)
	other.Kind = "Other"
	put(t, s, other)

	for _, test := range []struct {
		search string
		want   []string // best first
	}{
		{"shop", []string{"shop", "shop-api", "checkout", "search"}},
		{"SHOP", []string{"shop", "shop-api", "checkout", "search"}},
		{" sho ", []string{"shop", "shop-api", "checkout", "search"}},
		{"shop-a", []string{"shop-api"}},
		{"shop api", []string{"shop-api"}},
		{"api shop", []string{"shop-api"}},
		{"things", []string{"search", "shop"}},
		{"things shop", []string{"shop", "search"}},
		{"sho things", nil}, // only the last word is a prefix
		{"pay", []string{"shop", "shop-api"}},
		{"zurich", []string{"zuerich"}},
		{"ZÜRICH", []string{"zuerich"}},
		{"strasse", nil},
		{"arzts", nil},
		{"arzt", []string{"zuerich"}},
		{"東京", []string{"tokyo"}},
		{"検", []string{"tokyo"}},
		{"unfindable", nil},
		{"widget", nil}, // the kind is no word of the text
		{"!!", nil},
	} {
		q := object.Query{Kind: "Widget", Search: test.search}
		equal(t, test.search, names(t, s, q), test.want)
		if n, err := s.Count(t.Context(), q); err != nil || int(n) != len(test.want) {
			t.Errorf("count %q: %d, %v", test.search, n, err)
		}
	}
	all := names(t, s, object.Query{Search: "shop"})
	equal(t, "of every kind", all, []string{"shop", "shop-api", "shop-other", "checkout", "search"})

	// What changes is found anew and no more by what it was.
	w := get(t, s, "shop")
	w.Metadata.Title, w.Metadata.Description = "Bazaar", ""
	put(t, s, w)
	equal(t, "new word", names(t, s, object.Query{Kind: "Widget", Search: "bazaar"}), []string{"shop"})
	equal(t, "old word", names(t, s, object.Query{Kind: "Widget", Search: "sells"}), nil)
}

func testSearchManyHits(t *testing.T, open Open) {
	s := opened(t, open)
	objects := make([]object.Object, 450)
	for i := range objects {
		objects[i] = Widget(numbered(i), "common", i)
		objects[i].Metadata.Description = "a common word"
	}
	objects = append(objects, Widget("common", "", 1), Widget("common-one", "", 1))
	putAll(t, s, objects)
	found := names(t, s, object.Query{Kind: "Widget", Search: "common", Limit: 30})
	if len(found) != 200 || found[0] != "common" || found[1] != "common-one" {
		t.Fatalf("%d hits: %v", len(found), found[:min(len(found), 5)])
	}
	slices.Sort(found)
	if unique := slices.Compact(found); len(unique) != 200 {
		t.Fatalf("%d different hits", len(unique))
	}
	if n, err := s.Count(t.Context(), object.Query{Kind: "Widget", Search: "common"}); err != nil || n != 452 {
		t.Fatalf("count: %d, %v", n, err)
	}
	page, err := s.List(t.Context(), object.Query{Kind: "Widget", Search: "common", Limit: 30})
	if err != nil {
		t.Fatal(err)
	}
	q := object.Query{Kind: "Widget", Search: "comm", Limit: 30, After: page.Next}
	if _, err := s.List(t.Context(), q); !problem.Is(err, problem.Invalid) {
		t.Fatalf("cursor of another search: %v", err)
	}
}

// hostile is text that breaks what is careless with it.
var hostile = []string{
	`'; DROP TABLE objects; --`, `"`, `''`, `\`, `%`, `_`, `a%b_c`, `$1`, `?1`, `:name`, `@x`, `*`, `"a" OR "b"`, `NEAR(a b)`, `a AND NOT b`,
	`^a`, `(`, `)`, `a:b`, `{a b}:c`, `-a`, `+`, `a & b | !c <-> d`, `'a':*`, `<script>alert(1)</script>`, "line\nbreak\r\ttab", "\u0001\u001f\u007f",
	"é", "e\u0301", "ﬁ", "İ", "ß", "𝔘𝔫𝔦", "👩‍👩‍👧‍👦", "\u202eright to left", "\u2028", "\ue000widget", "\ufeff", "\U0010ffff", "מִבְטָא", "العربية", "हिन्दी",
	strings.Repeat("long ", 10_000), strings.Repeat("x", 50_000), strings.Repeat("ü", 5_000),
}

func testHostileText(t *testing.T, open Open) {
	s := opened(t, open)
	for i, text := range hostile {
		name := fmt.Sprintf("h%d", i)
		w := Widget(name, "team", map[string]any{"colour": text, text: text})
		w.Metadata.Title, w.Metadata.Description = text, text
		w.Metadata.Annotations = map[string]string{"a": text}
		w.Metadata.Labels = map[string]string{"l": text}
		if len(text) < 200 {
			w.Metadata.Owner, w.Metadata.Labels[text] = text, text
		}
		put(t, s, w)
		got := get(t, s, name)
		if got.Metadata.Title != text || got.Metadata.Labels["l"] != text || got.Metadata.Annotations["a"] != text {
			t.Fatalf("text %.40q came back as %.40q", text, got.Metadata.Title)
		}
		for what, q := range map[string]object.Query{
			"label": {Labels: map[string]string{"l": text}},
			"field": {Fields: map[string]string{"spec.colour": text}},
			"owner": {Owner: w.Metadata.Owner, Labels: map[string]string{"l": text}},
		} {
			q.Kind = "Widget"
			equal(t, fmt.Sprintf("%s %.40q", what, text), names(t, s, q), []string{name})
		}
	}
	// Text that no database holds, or that JSON spells out.
	nul := Widget("nul", "", map[string]any{"colour": "a\x00b"})
	nul.Metadata.Title, nul.Metadata.Description = "a\x00b", "\x00"
	put(t, s, nul)
	if got := get(t, s, "nul"); got.Metadata.Title != "a\x00b" {
		t.Fatalf("title %q", got.Metadata.Title)
	}
	equal(t, "NUL in a field", names(t, s, object.Query{Kind: "Widget", Fields: map[string]string{"spec.colour": "a\x00b"}}), []string{"nul"})
	invalid := Widget("invalid", "", 1)
	invalid.Metadata.Title = "a\xffb"
	put(t, s, invalid)
	if got := get(t, s, "invalid"); got.Metadata.Title != "a\ufffdb" {
		t.Fatalf("title %q", got.Metadata.Title)
	}
}

func testHostileQueries(t *testing.T, open Open) {
	s := opened(t, open)
	fill(t, s, 10)
	for _, text := range append(hostile, "\x00", "a\x00b", "\xff") {
		for what, q := range map[string]object.Query{
			"search": {Search: text},
			"words":  {Search: "w " + text},
			"owner":  {Owner: text},
			"label":  {Labels: map[string]string{text: text}},
			"field":  {Fields: map[string]string{"spec.colour": text}},
			"name":   {Fields: map[string]string{text: "x"}},
			"cursor": {After: text},
			"newest": {After: text, Newest: true},
		} {
			q.Kind = "Widget"
			page, err := s.List(t.Context(), q)
			if err != nil && !problem.Is(err, problem.Invalid) {
				t.Errorf("%s %.40q: %v", what, text, err)
			}
			if len(page.Items) > 0 && what != "words" && what != "search" {
				t.Errorf("%s %.40q: %d items", what, text, len(page.Items))
			}
		}
		if _, err := s.Get(t.Context(), "Widget", text); !problem.Is(err, problem.NotFound) {
			t.Errorf("get %.40q: %v", text, err)
		}
		if _, err := s.Get(t.Context(), text, "w00001"); !problem.Is(err, problem.NotFound) {
			t.Errorf("get of kind %.40q: %v", text, err)
		}
		if h, err := s.History(t.Context(), "Widget", text, 0, 0); err != nil && !problem.Is(err, problem.NotFound) || len(h) != 0 {
			t.Errorf("history of %.40q: %v, %v", text, h, err)
		}
		if err := remove(t, s, text); !problem.Is(err, problem.NotFound) {
			t.Errorf("delete %.40q: %v", text, err)
		}
	}
	if n, err := s.Count(t.Context(), object.Query{Kind: "Widget"}); err != nil || n != 10 {
		t.Fatalf("%d objects are left, %v", n, err)
	}
}
