package backstage

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/object"
)

func TestParseRef(t *testing.T) {
	for text, want := range map[string]string{
		"shop":                 "group:here/shop",
		" Shop ":               "group:here/shop",
		"other/shop":           "group:other/shop",
		"user:ann":             "user:here/ann",
		"User:Default/Ann.Ash": "user:default/ann.ash",
		"ann@example.com":      "group:here/ann@example.com",
		"":                     "", "a/b/c": "", "a:b:c": "", "user:": "", "/x": "", "x/": "", ":x": "", "!": "", "user:default/…": "",
	} {
		ref, err := ParseRef(text, "Group", "Here")
		if err != nil {
			if want != "" || !strings.Contains(err.Error(), "write name") {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		if ref.String() != want {
			t.Errorf("%q is %s, want %q", text, ref, want)
		}
		if again, err := ParseRef(ref.from("here", "group"), "group", "here"); err != nil || again != ref {
			t.Errorf("%s is written %q and read as %s, %v", ref, ref.from("here", "group"), again, err)
		}
	}
}

func TestNames(t *testing.T) {
	long := strings.Repeat("abcdefg-", 7) + "abcdefg" // 63
	for ref, want := range map[Ref]string{
		{"component", "default", "shop"}:       "service/shop",
		{"component", "default", "my_shop.v2"}: "service/my-shop-v2",
		{"component", "default", "a--b"}:       "service/a--b", // a name here too
		{"component", "default", "a__b"}:       "service/a-b",
		{"component", "pay", "shop"}:           "service/pay-shop",
		{"group", "default", "pay"}:            "team/pay",
		{"user", "ext", "ann.ash"}:             "user/ext-ann-ash",
		{"system", "default", "checkout"}:      "system/checkout",
		{"api", "default", "orders"}:           "api/orders",
		{"domain", "default", "commerce"}:      "entity/domain-commerce",
		{"resource", "pay", "db"}:              "entity/resource-pay-db",
		{"component", "default", long}:         "service/" + long,
		{"component", "pay", long}:             "service/pay-" + long[:50] + "-413c9021",
		{"component", "pay2", long}:            "service/pay2-" + long[:49] + "-732c9394",
	} {
		if got := ref.object().String(); got != want {
			t.Errorf("%s is %s, want %s", ref, got, want)
		}
	}
	if got := (Ref{"user", "default", "ann.ash"}).team().String(); got != "team/user-ann-ash" {
		t.Errorf("the team of a person is %s", got)
	}
	if got := (Ref{"component", "default", "shop"}).team().String(); got != "team/shop" {
		t.Errorf("an owner that is no group is %s", got)
	}
}

func TestEveryNameIsValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?`).Draw(t, "name")
		namespace := rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`).Draw(t, "namespace")
		kind := rapid.SampledFrom([]string{"component", "user", "group", "domain", strings.Repeat("x", 63)}).Draw(t, "kind")
		ref, err := ParseRef(name, kind, namespace)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []object.Ref{ref.object(), ref.team()} {
			if !object.ValidName(o.Name) {
				t.Fatalf("%s is named %q", ref, o.Name)
			}
		}
	})
}
