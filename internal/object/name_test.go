package object_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/object"
)

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		"shop": true, "a": true, "0": true, "my-shop-2": true, strings.Repeat("a", 63): true,
		"": false, "-a": false, "a-": false, "A": false, "a_b": false, "a.b": false, "é": false, "a b": false,
		strings.Repeat("a", 64): false,
	} {
		if got := object.ValidName(name); got != want {
			t.Errorf("ValidName(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestSlugName(t *testing.T) {
	for text, want := range map[string]string{
		"My Shop_API":                  "my-shop-api",
		"Café №5":                      "cafe-no5",
		"  --a--  b ":                  "a-b",
		"@scope/pkg":                   "scope-pkg",
		"日本":                           "",
		"":                             "",
		strings.Repeat("ab ", 40):      strings.TrimSuffix(strings.Repeat("ab-", 21), "-"),
		strings.Repeat("a", 62) + " b": strings.Repeat("a", 62),
	} {
		if got := object.SlugName(text); got != want {
			t.Errorf("SlugName(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestParseRef(t *testing.T) {
	r := registry(t)
	for _, c := range []struct{ in, want, err string }{
		{"gadget/shop", "gadget/shop", ""},
		{"Gadgets/shop", "gadget/shop", ""},
		{" gd/shop ", "gadget/shop", ""},
		{"roadmapItem/x-1", "roadmapitem/x-1", ""},
		{"gadget", "", "is not a reference"},
		{"/shop", "", "is not a reference"},
		{"gadget/", "", "is not a reference"},
		{"gadget/My Shop", "", `try "my-shop"`},
		{"ga dget/shop", "", "is not a kind"},
		{"gadgt/shop", "", "did you mean gadgets?"},
		{"a/b/c", "", "is not a name"},
	} {
		ref, err := r.ParseRef(c.in)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("ParseRef(%q): error %v, want %q", c.in, err, c.err)
			}
			continue
		}
		if err != nil || ref.String() != c.want {
			t.Errorf("ParseRef(%q) = %v, %v; want %s", c.in, ref, err, c.want)
		}
	}
	if ref, _ := r.ParseRef("ROADMAPITEM/x"); ref.Kind != "RoadmapItem" {
		t.Errorf("kind %q, want the registered name", ref.Kind)
	}
}

// A reference that was read reads the same again.
func TestRefRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ref := object.Ref{
			Kind: rapid.StringMatching(`[A-Za-z]{1,20}`).Draw(t, "kind"),
			Name: rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?`).Draw(t, "name"),
		}
		got, err := object.ParseRef(ref.String())
		if err != nil || got.String() != ref.String() {
			t.Fatalf("%v became %v, %v", ref, got, err)
		}
	})
}

func FuzzParseRef(f *testing.F) {
	f.Add("service/shop")
	f.Add("/\x00/")
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := object.ParseRef(s)
		if err != nil {
			return
		}
		if !object.ValidName(ref.Name) {
			t.Fatalf("%q gave the name %q", s, ref.Name)
		}
		if again, err := object.ParseRef(ref.String()); err != nil || again != ref {
			t.Fatalf("%v became %v, %v", ref, again, err)
		}
	})
}

func FuzzSlugName(f *testing.F) {
	f.Add("My Shop_API")
	f.Add("ﬀ İ ẞ")
	f.Add("s--6")
	f.Fuzz(func(t *testing.T, s string) {
		slug := object.SlugName(s)
		if slug != "" && !object.ValidName(slug) {
			t.Fatalf("%q gave %q, which is no name", s, slug)
		}
		if again := object.SlugName(slug); again != slug {
			t.Fatalf("%q became %q", slug, again)
		}
		if object.ValidName(s) && slug != s {
			t.Fatalf("the name %q became %q", s, slug)
		}
	})
}
