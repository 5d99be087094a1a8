package route

import (
	"slices"
	"strings"
	"testing"
)

func TestName(t *testing.T) {
	domains := []string{"localhost", "apps.example.com"}
	for host, want := range map[string]string{
		"shop.dev.localhost":             "shop.dev",
		"shop.dev.localhost:7700":        "shop.dev",
		"SHOP.Dev.LOCALHOST.":            "shop.dev",
		"shop.pr-12.apps.example.com:80": "shop.pr-12",
		"localhost":                      "",
		"localhost:7700":                 "",
		"dev.localhost":                  "",
		".dev.localhost":                 "",
		"shop..localhost":                "",
		"shop.devlocalhost":              "",
		"shop.dev.example.com":           "",
		"127.0.0.1:7700":                 "",
		"[::1]:7700":                     "",
		"[::1]":                          "",
		"":                               "",
		":":                              "",
		"]":                              "",
	} {
		got, ok := name(host, domains)
		if got != want || ok != (want != "") {
			t.Errorf("name(%q) = %q, %v, want %q", host, got, ok, want)
		}
	}
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"shop.dev.localhost:1", "[::1]:2", "a.b.localhost.", "..localhost"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if got, ok := name(host, []string{"localhost"}); ok {
			service, environment, found := strings.Cut(got, ".")
			if !found || service == "" || environment == "" {
				t.Errorf("name(%q) = %q", host, got)
			}
		}
	})
}

func TestNearest(t *testing.T) {
	names := []string{"checkout.dev", "checkout.prod", "search.dev", "shop.dev"}
	for asked, want := range map[string][]string{
		"chekout.dev":   {"checkout.dev", "checkout.prod"},
		"checkout.prd":  {"checkout.prod", "checkout.dev"},
		"shop.prod":     {"shop.dev"},
		"check.dev":     {"checkout.dev", "checkout.prod"},
		"wholly.else":   {},
		"x.dev":         {},
		"searching.dev": {"search.dev"},
	} {
		if got := nearest(asked, names, 3); !slices.Equal(got, want) {
			t.Errorf("nearest(%q) = %v, want %v", asked, got, want)
		}
	}
}
