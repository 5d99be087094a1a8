package words

import (
	"strings"
	"testing"
	"unicode/utf8"
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
		if got := strings.Join(Of(text, 100), " "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := Of("a b c d", 2); len(got) != 2 {
		t.Errorf("%d words of at most 2", len(got))
	}
}

func FuzzWords(f *testing.F) {
	f.Add("Zürich 東京 \ue000 ' \" * : & | ! ( )")
	f.Fuzz(func(t *testing.T, text string) {
		found := Of(text, 50)
		for _, w := range found {
			if w == "" || len(w) > maxWord || !utf8.ValidString(w) || strings.ContainsAny(w, " '\"*:&|!()\\\x00\ue000") {
				t.Errorf("%q gives the word %q", text, w)
			}
			// A query for a word finds the text with it.
			if again := Of(w, 1); len(again) != 1 || again[0] != w {
				t.Errorf("the word %q of %q is %q as a query", w, text, again)
			}
		}
	})
}

func TestIndexed(t *testing.T) {
	long := strings.Repeat("x", 300)
	if got := Indexed(long); len(got) > maxIndexed || got == Indexed(long+"y") {
		t.Errorf("%q", got)
	}
	if got := Indexed("a\x00"); !Storable(got) {
		t.Errorf("%q", got)
	}
	if got := Indexed("short"); got != "short" {
		t.Errorf("%q", got)
	}
}
