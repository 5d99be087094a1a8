package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// imported are services that Stoa has not deployed.
const imported = `
{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: payments}, spec: {members: [admin]}}
---
{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: ledger, owner: payments, description: Keeps the books, labels: {stoa.dev/imported-from: backstage}, annotations: {stoa.dev/backstage-file: acme/catalog-info.yaml}}, spec: {type: backend, lifecycle: production, system: books, repository: "https://git.example.com/acme/ledger", ownerSource: "CODEOWNERS:3"}}
---
{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: money, owner: payments}, spec: {type: library, repository: "git@example.com:acme/money"}}
---
{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: plain, owner: payments}}
`

// A service that runs elsewhere is shown as what it is, without a button that
// could do nothing.
func TestNotDeployedHere(t *testing.T) {
	s := empty(t)
	if _, err := s.Apply(t.Context(), strings.NewReader(imported), "imported.yaml", "", false); err != nil {
		t.Fatal(err)
	}
	c := s.browserless(t, s.code(t))
	list := get(t, c, s.url+"/services")
	if got := strings.Count(list.text("tbody"), "not deployed here"); got != 3 {
		t.Errorf("%d of 3 rows say so: %s", got, list.text("tbody"))
	}
	if rows := get(t, c, s.url+"/services?state=not+deployed+here").all("a.row-link"); len(rows) != 3 {
		t.Errorf("%d rows are filtered by it", len(rows))
	}
	if rows := get(t, c, s.url+"/services?state=never+released").all("a.row-link"); len(rows) != 0 {
		t.Errorf("%d rows are called never released", len(rows))
	}
	for name, want := range map[string]struct{ says, facts, command string }{
		"ledger": {"Stoa has not deployed it", "Lifecycle production System books Source https://git.example.com/acme/ledger Declared in acme/catalog-info.yaml", "stoa up https://git.example.com/acme/ledger --name ledger"},
		"money":  {"A library runs inside of others", "Source git@example.com:acme/money", ""},
		"plain":  {"Stoa has not deployed it", "", "stoa up DIR --name plain"},
	} {
		page := get(t, c, s.url+"/services/"+name)
		if page.StatusCode != http.StatusOK || !strings.Contains(page.text("p#state"), want.says) {
			t.Errorf("%s: %s, %q", name, page.Status, page.text("p#state"))
		}
		if got := page.text("dl.pairs"); !strings.Contains(got, want.facts) {
			t.Errorf("%s: the facts are %q, want %q", name, got, want.facts)
		}
		if got := page.text("main"); !strings.Contains(got, want.command) || (want.command == "") != !strings.Contains(got, "stoa up") {
			t.Errorf("%s: the command is not %q: %s", name, want.command, got)
		}
		for _, dead := range []string{"Roll back", "Restart", "Scale", "Promote", "Instances", "Logs"} {
			if strings.Contains(page.text("main"), dead) {
				t.Errorf("%s: the page speaks of %s", name, dead)
			}
		}
		for _, tab := range []string{"releases", "logs", "detected", "settings", "gates", "history"} {
			if at := get(t, c, s.url+"/services/"+name+"/"+tab); at.StatusCode != http.StatusOK {
				t.Errorf("%s/%s: %s", name, tab, at.Status)
			}
		}
	}

	// A guessed owner can be confirmed without a release.
	page := get(t, c, s.url+"/services/ledger/detected")
	if got := page.text("tr"); !strings.Contains(page.body, "CODEOWNERS:3") || !strings.Contains(page.body, "Confirm") {
		t.Errorf("the owner cannot be confirmed: %s", got)
	}
	response, err := c.PostForm(s.url+"/services/ledger/detected", url.Values{"field": {"owner"}, "do": {"confirm"}})
	if err != nil {
		t.Fatal(err)
	}
	if answer := read(t, response, time.Now()); answer.StatusCode != http.StatusOK {
		t.Errorf("confirming is answered by %s", answer.Status)
	}
	if page := get(t, c, s.url+"/services/ledger"); strings.Contains(page.body, "unconfirmed") {
		t.Error("a confirmed owner is unconfirmed")
	}

	b := s.open(t, true)
	b.signIn()
	b.walk(axe(t), []place{{name: "services-elsewhere", path: "/services"}, {name: "service-elsewhere", path: "/services/ledger"},
		{name: "service-elsewhere-deployed", path: "/services/money"}, {name: "detected-elsewhere", path: "/services/ledger/detected"}})
}
