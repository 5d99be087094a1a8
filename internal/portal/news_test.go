package portal_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// The first page says what changed for one's teams and what of theirs ends soon,
// and nothing of what concerns others.
func TestHomePageSaysWhatChanged(t *testing.T) {
	s := empty(t)
	day := func(days int) string { return time.Now().AddDate(0, 0, days).UTC().Format(time.RFC3339) }
	for _, text := range []string{
		`{apiVersion: stoa.dev/v1, kind: User, metadata: {name: zoe}, spec: {role: viewer}}
---
{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: mine}, spec: {owners: [admin]}}
---
{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: others}, spec: {owners: [zoe]}}
---
{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: shop, owner: others}}
---
{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: feed, owner: others}}
---
{apiVersion: stoa.dev/v1, kind: Quota, metadata: {name: mine}, spec: {team: mine, services: 3}}
---
{apiVersion: stoa.dev/v1, kind: Quota, metadata: {name: others}, spec: {team: others, services: 7}}
---
{apiVersion: stoa.dev/v1, kind: Policy, metadata: {name: signed}, spec: {require: "true", message: sign what you release}}`,
		"{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: shop, owner: mine}}",
		"{apiVersion: stoa.dev/v1, kind: Quota, metadata: {name: mine}, spec: {team: mine, services: 4}}",
		strings.NewReplacer("SOON", day(9), "LATER", day(90)).Replace(`{apiVersion: stoa.dev/v1, kind: Exception, metadata: {name: soon}, spec: {gate: policy/signed, target: service/shop, reason: the key is on its way, approvers: [zoe], sunset: SOON}}
---
{apiVersion: stoa.dev/v1, kind: Exception, metadata: {name: later}, spec: {gate: policy/signed, target: team/mine, reason: the key is on its way, approvers: [zoe], sunset: LATER}}
---
{apiVersion: stoa.dev/v1, kind: Exception, metadata: {name: foreign}, spec: {gate: policy/signed, target: team/others, reason: the key is on its way, approvers: [zoe], sunset: SOON}}`),
	} {
		if _, err := s.Apply(t.Context(), strings.NewReader(text), "teams.yaml", "", false); err != nil {
			t.Fatal(err)
		}
	}
	home := get(t, s.browserless(t, s.code(t)), s.url+"/")
	changed, needs := home.text("section#changed"), home.text("ul.needs")
	contains(t, "what changed", changed, "shop went from others to mine", "The quota of team mine was changed: services", "Policy signed was declared: sign what you release",
		"Exception soon was granted: policy/signed is lifted from service/shop until "+day(9)[:10], "Exception later was granted", "by admin")
	contains(t, "what needs me", needs, "ends soon", "Exception soon", "Then policy/signed holds for service/shop again", "in 8 days")
	for _, foreign := range []string{"foreign", "feed", "team others"} {
		if strings.Contains(changed+needs, foreign) {
			t.Errorf("what concerns others is told: %s", changed+needs)
		}
	}
	if strings.Contains(needs, "later") {
		t.Errorf("what ends in three months needs somebody now: %s", needs)
	}
	for _, link := range (answer{root: home.all("section#changed")[0]}).all("a") {
		if a := get(t, s.browserless(t, s.code(t)), s.url+attribute(link, "href")); a.StatusCode != 200 {
			t.Errorf("%s: %s", attribute(link, "href"), a.Status)
		}
	}
}

// Lists come in either order, page by page, and as files in the same order.
func TestListPagesAreSorted(t *testing.T) {
	s := empty(t)
	var want []string
	for _, name := range []string{"kilo", "alpha", "zulu", "mike"} {
		text := strings.ReplaceAll("{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: X}, spec: {owners: [admin]}}\n---\n{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: X, owner: X}}", "X", name)
		if _, err := s.Apply(t.Context(), strings.NewReader(text), "", "", false); err != nil {
			t.Fatal(err)
		}
		want = append([]string{name}, want...)
	}
	c := s.browserless(t, s.code(t))
	for _, list := range []struct{ path, order string }{
		{"/services", "alpha kilo mike zulu"}, {"/services?sort=newest", strings.Join(want, " ")}, {"/teams?sort=newest", strings.Join(want, " ")}, {"/teams", "alpha kilo mike"},
	} {
		a := get(t, c, s.url+list.path)
		var names []string
		for _, link := range a.all("a.row-link") {
			names = append(names, strings.TrimSpace(answer{root: link}.words()))
		}
		if got := strings.Join(names, " "); !strings.HasPrefix(got, list.order) {
			t.Errorf("%s lists %q, want %q", list.path, got, list.order)
		}
		for _, link := range a.all("a.btn") {
			if href := attribute(link, "href"); strings.Contains(href, "format=csv") {
				var first []string
				for _, line := range strings.Split(get(t, c, s.url+href).body, "\n")[1:] {
					name, _, _ := strings.Cut(line, ",")
					first = append(first, name)
				}
				if got := strings.Join(first, " "); !strings.HasPrefix(got, list.order) {
					t.Errorf("%s as CSV lists %q, want %q", list.path, got, list.order)
				}
			}
		}
		if newest := strings.Contains(list.path, "newest"); strings.Contains(a.text("aside.same"), "--newest") != newest || newest != strings.Contains(a.text("div.chips"), "newest") {
			t.Errorf("%s: the command is %q, the chips are %q", list.path, a.text("aside.same"), a.text("div.chips"))
		}
	}
	var many strings.Builder
	for i := range 110 { // in no order of their names
		name := fmt.Sprintf("n%03d", i*37%110)
		fmt.Fprintf(&many, "---\n{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: %s, owner: mike}}\n", name)
		want = append([]string{name}, want...)
	}
	if _, err := s.Apply(t.Context(), strings.NewReader(many.String()), "", "", false); err != nil {
		t.Fatal(err)
	}
	var names []string
	for next, pages := "/services?sort=newest", 0; next != "" && pages < 10; pages++ {
		a := get(t, c, s.url+next)
		for _, link := range a.all("a.row-link") {
			names = append(names, strings.TrimSpace(answer{root: link}.words()))
		}
		next = ""
		for _, link := range a.all("a[rel=next]") {
			next = attribute(link, "href")
		}
	}
	if !slices.Equal(names, want) {
		t.Errorf("the pages list %q, want %q", names, want)
	}
	wrong := get(t, c, s.url+"/services?sort=colour")
	if a := wrong.all("a.btn-primary"); len(a) != 1 || attribute(a[0], "href") != "/services" {
		t.Errorf("a wrong address leads not to the page as it usually is: %s", wrong.text("main"))
	}
	if a := wrong; a.StatusCode != 422 {
		t.Errorf("sorted by colour: %s", a.Status)
	}
}
