package portal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/stoa-platform/stoa/client"
)

// TestPathsOfAPerson walks what people do, in a real browser, with scripts and
// without: every form must work as plain HTML.
func TestPathsOfAPerson(t *testing.T) {
	for _, c := range []struct {
		name string
		walker
		scripts bool
	}{
		{"with scripts", walker{"dora", "lemons", "lemon", "hosts"}, true},
		{"without scripts", walker{"emil", "limes", "lime", "guides"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := seeded(t)
			c.settles(t, s)
			b := s.open(t, c.scripts)
			b.look("light", 1280)
			b.signsIn(c.walker)
			b.findsAService(c.walker)
			b.confirmsAndOverrides(c.walker)
			b.changesSettings(c.walker)
			b.scales(c.walker)
			b.restarts(c.walker)
			b.rollsBack(c.walker)
			b.looksBack(c.walker)
			b.asksForAccess(c.walker)
			b.audits(c.walker)
			b.leaves()
			b.silent("the paths")
		})
	}
}

// walker is a person with a team and a service of their own, and another team
// that they ask to join.
type walker struct{ person, team, service, other string }

// settles declares the person and the teams, and releases the service twice as
// that person, who names no team: whose it is, is inferred.
func (w walker) settles(t *testing.T, s *site) {
	t.Helper()
	declared := fmt.Sprintf(`
{apiVersion: stoa.dev/v1, kind: User, metadata: {name: %[1]s}, spec: {role: viewer}}
---
{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: %[2]s}, spec: {owners: [%[1]s]}}
---
{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: %[3]s}, spec: {owners: [ann]}}
---
{apiVersion: stoa.dev/v1, kind: Quota, metadata: {name: %[2]s}, spec: {team: %[2]s, services: 2, instances: 3, memory: 2Gi}}
`, w.person, w.team, w.other)
	if _, err := s.Apply(t.Context(), strings.NewReader(declared), "walker.yaml", "", false); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateAccount(t.Context(), w.person, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.SetPassword(t.Context(), w.person, "", password); err != nil {
		t.Fatal(err)
	}
	_, token, err := s.CreateToken(t.Context(), client.NewToken{Name: "laptop", Principal: "user/" + w.person})
	if err != nil {
		t.Fatal(err)
	}
	own, err := client.New(s.url, token)
	if err != nil {
		t.Fatal(err)
	}
	for _, greeting := range []string{"Hello, %s!", "Go away, %s!"} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS("../../examples/hello")); err != nil {
			t.Fatal(err)
		}
		if err := copyEdited(dir, dir, map[string]string{"Hello, %s!": greeting}); err != nil {
			t.Fatal(err)
		}
		rel, err := (&site{Client: own}).release(t.Context(), dir, client.ReleaseSpec{Service: w.service, Environment: "dev"}, "", "")
		if err != nil || rel.Status.Phase != "succeeded" {
			t.Fatalf("release %s: %s: %v, %v", w.service, rel.Status.Phase, rel.Status.Problem, err)
		}
	}
}

// signsIn is refused with a wrong password, keeps the name, and then comes to
// where it wanted to go.
func (b *browser) signsIn(w walker) {
	b.t.Helper()
	b.goTo("/services?owner=" + w.team)
	b.at("/signin")
	b.fills("#name", w.person)
	b.fills("#password", "wrong")
	b.submits(".door form")
	b.sees(".told-title", "name or password is wrong")
	b.holds("#name", w.person)
	b.fills("#password", password)
	b.submits(".door form")
	b.at("/services")
	b.sees("h1", "Services")
}

func (b *browser) findsAService(w walker) {
	b.t.Helper()
	b.goTo("/services")
	b.fills(".filters [name=q]", w.service)
	b.submits("form.filters")
	b.sees("tbody tr", w.service)
	b.sees(".chips", w.service)
	b.follows("tbody tr th a")
	b.at("/services/" + w.service)
	b.sees("#state", "answers in")
	b.sees("main", "Current release")
}

func (b *browser) confirmsAndOverrides(w walker) {
	b.t.Helper()
	b.goTo("/services/" + w.service + "/detected?env=dev")
	b.sees("#owner", "unconfirmed")
	b.presses("#owner button[value=confirm]")
	b.sees("[role=status]", "Confirmed")
	b.sees("#owner", "confirmed by a person")

	b.sees("#health", "verified")
	b.opens("#health details")
	b.fills("#value-health", "livez")
	b.submits("#health details form")
	b.sees("#health .field-told", "must begin with /")
	b.holds("#value-health", "livez")
	b.fills("#value-health", "/ready")
	b.submits("#health details form")
	b.sees("[role=status]", "Override kept")
	b.sees("#health", "by /ready from the next release on")
	b.presses("#health button[value=remove]")
	b.sees("[role=status]", "Override removed")
}

func (b *browser) changesSettings(w walker) {
	b.t.Helper()
	b.goTo("/services/" + w.service + "/settings?env=dev")
	b.fills("#key", "API_TOKEN")
	b.fills("#value", "ghp_16C7e42F292c6912E7710c838347Ae178B4a")
	b.submits(".setting-form")
	b.sees("#key-told", "looks like a credential")
	b.sees(".told-bad", "stoa secret set "+w.service+" API_TOKEN")
	b.fills("#key", "GREETING")
	b.fills("#value", "hi there")
	b.submits(".setting-form")
	b.sees("[role=status]", "Setting kept")
	b.sees(".rows", "GREETING=hi there")
}

func (b *browser) scales(w walker) {
	b.t.Helper()
	b.goTo("/services/" + w.service + "?env=dev")
	b.follows(`.verbs a[href*="/scale"]`)
	b.sees(".does", "The gates are asked")
	b.does(`document.querySelector("main .card form").noValidate = true`) // the browser would not even send it
	b.fills("#replicas", "101")
	b.fills("#reason", "a busy day")
	b.submits("main .card form")
	b.sees("#replicas-told", "must be a whole number of 0 to 100")
	b.holds("#reason", "a busy day")
	b.fills("#replicas", "4")
	b.submits("main .card form")
	b.sees(".told-bad", "instances quota of team "+w.team)
	b.holds("#replicas", "4")
	b.fills("#replicas", "2")
	b.submits("main .card form")
	b.sees("[role=status]", "number of instances is changed")
	b.until("#state", "All 2 instances answer")
}

func (b *browser) restarts(w walker) {
	b.t.Helper()
	b.goTo("/services/" + w.service + "?env=dev")
	b.follows(`.verbs a[href*="/restart"]`)
	b.sees(".does", "New instances of the same release start, 2 in all")
	b.fills("#reason", "it was slow")
	b.submits("main .card form")
	b.at("/services/" + w.service)
	b.sees("[role=status]", "Restart asked for")
	b.until("#state", "All 2 instances answer")
}

func (b *browser) rollsBack(w walker) {
	b.t.Helper()
	first := w.service + "-1"
	b.goTo("/services/" + w.service + "/releases?env=dev")
	b.follows(`a[aria-label="Roll back to this: ` + first + `"]`)
	b.sees(".pick:has(:checked)", first)
	b.sees(".does", "nothing is built")
	b.fills("#reason", "the new one is rude")
	b.submits("main .card form")
	b.at("/releases/" + w.service + "-3")
	b.until("#release .condition", "succeeded")
	b.sees("#release", "the new one is rude")
	b.sees("#release", "rollback")
	b.goTo("/services/" + w.service + "?env=dev")
	b.sees("main", "rollback")
}

func (b *browser) looksBack(w walker) {
	b.t.Helper()
	b.goTo("/services/" + w.service + "/history")
	b.sees(".releases", "spec.environments.dev.replicas")
	b.sees(".releases", "through portal · a busy day")
	b.sees(".releases", "through portal · it was slow")
	b.sees(".releases", "by "+w.person)
	b.goTo("/services/" + w.service + "/gates?env=dev")
	b.sees("main", "Verdicts of")
	b.goTo("/services/" + w.service + "/logs?env=dev&since=24h&grep=listening")
	b.sees("#log", "listening on")
	b.goTo("/services/" + w.service + "/logs?env=dev&grep=%5B")
	b.sees("#grep-told", "missing closing ]")
}

func (b *browser) asksForAccess(w walker) {
	b.t.Helper()
	b.goTo("/teams/" + w.team)
	b.until(".milestones", "first deployment")
	b.sees("main", "quota/"+w.team)
	b.goTo("/teams")
	b.follows(`a[href="/teams/` + w.other + `"].row-link`)
	b.at("/teams/" + w.other)
	b.opens(".head-actions details")
	b.fills("#reason", "I write their guide")
	b.submits(".head-actions form")
	b.sees("[role=status]", "The team's owners decide")
	b.opens(".head-actions details")
	b.submits(".head-actions form")
	b.sees(".told-bad", "you asked to join team "+w.other+" already")
	b.goTo("/search")
	b.fills("main [name=q]", w.team[:3])
	b.submits("main form")
	b.sees(".answer", "for “"+w.team[:3]+"”")
	b.sees(".rows", w.team)
}

func (b *browser) audits(w walker) {
	b.t.Helper()
	b.goTo("/audit")
	b.holds("[name=team]", w.team)
	b.fills("[name=service]", w.service)
	b.fills("[name=type]", "dev.cdevents")
	b.submits("form.filters")
	b.sees(".events", "service deployed")
	b.sees(".events tbody tr:last-child", w.service)
	b.follows(".events tbody tr:last-child th a")
	b.sees("h1", "Event")
	b.until("h1 + .condition", "verified")
	b.sees("main", "Proof of inclusion")
}

func (b *browser) leaves() {
	b.t.Helper()
	b.goTo("/")
	b.opens("details.user")
	b.submits("details.user form")
	b.at("/signin")
	b.goTo("/services")
	b.at("/signin")
}

// TestLive watches what changes while one looks on.
func TestLive(t *testing.T) {
	s := seeded(t)
	b := s.open(t, true)
	b.look("light", 1280)
	b.signIn()

	b.goTo("/services/checkout/logs?env=dev")
	b.sees("[data-log-live]", "live")
	b.visits("checkout.dev", "/a-new-line")
	b.sees("#log", "greeting a-new-line")
	b.clicks("[data-log-pause]")
	b.sees("[data-log-live]", "paused")
	b.visits("checkout.dev", "/held-back")
	b.sees("[data-log-live]", "1 new line held back")
	b.clicks("[data-log-pause]")
	b.sees("#log", "greeting held-back")

	// Somebody else stops the service: the sentence follows without a reload.
	b.goTo("/services/checkout?env=dev")
	b.sees("#state", "running")
	if _, err := s.Scale(t.Context(), "checkout", "dev", 0, "the day is over"); err != nil {
		t.Fatal(err)
	}
	b.sees("#state", "stopped")
	if _, err := s.Scale(t.Context(), "checkout", "dev", 1, ""); err != nil {
		t.Fatal(err)
	}
	b.sees("#state", "running")

	// A promotion is watched to its end.
	b.goTo("/services/checkout/promote?env=dev")
	b.submits("main .card form")
	b.sees("#release .condition", "succeeded")
	b.sees("#release", "serves in production now")
	if _, err := s.Scale(t.Context(), "checkout", "production", 0, ""); err != nil {
		t.Fatal(err)
	}
	b.goTo("/services/checkout?env=production")
	b.sees("#state", "stopped")
	b.goTo("/services/checkout/promote?env=dev")
	b.sees("main .card form", "is stopped there")
	b.cancels(s, "checkout")
	b.silent("what is live")
}

// cancels releases what never answers, and cancels it.
func (b *browser) cancels(s *site, service string) {
	b.t.Helper()
	dir := b.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Procfile"), []byte("web: sleep 600\n"), 0o600); err != nil {
		b.t.Fatal(err)
	}
	rel, err := s.admit(b.t.Context(), dir, client.ReleaseSpec{Service: service, Environment: "dev"}, "", "")
	if err != nil {
		b.t.Fatal(err)
	}
	name := rel.Metadata.Name
	b.goTo("/releases/" + name)
	b.sees("#release .condition", "At rollout, on its way to dev")
	b.follows(`.head-actions a[href*="/cancel"]`)
	b.sees(".pick:has(:checked)", name)
	b.sees(".does", "a release that waits behind it takes its turn")
	b.fills("#reason", "it is the wrong folder")
	b.submits("main .card form")
	b.at("/releases/" + name)
	b.sees("#release .condition", "cancelled")
	b.sees(".told-bad", "release "+name+" was cancelled at rollout")
	b.goTo("/services/" + service + "?env=dev")
	b.sees("#state", "running")
}

func TestKeyboardAndTheme(t *testing.T) {
	b := seeded(t).open(t, true)
	b.look("light", 1280)
	b.signIn()
	b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)), chromedp.WaitVisible(chromedp.CSS("#palette[open]")))
	b.fills("#palette input", "invo")
	b.sees("#palette [aria-selected=true]", "invoices")
	b.loads(func() { b.do(chromedp.KeyEvent(kb.Enter)) })
	b.at("/services/invoices")
	b.do(chromedp.KeyEvent("?"), chromedp.WaitVisible(chromedp.CSS("#keys[open]")))
	b.do(chromedp.KeyEvent(kb.Escape), chromedp.WaitNotVisible(chromedp.CSS("#keys")))
	// Two keys that come too far apart, as on a busy machine, are no shortcut.
	b.waits("g and a lead to the audit", func() bool {
		b.do(chromedp.KeyEvent("g"), chromedp.KeyEvent("a"))
		return b.within(10*time.Second, func() bool {
			at, err := chromedp.Run(b, chromedp.Location())
			return err == nil && strings.HasSuffix(at, "/audit")
		})
	})
	b.at("/audit")

	b.clicks("[data-theme-form] button")
	b.theme("dark")
	b.keeps("stoa_theme", "dark")
	b.goTo("/teams")
	b.theme("dark")
	b.look("dark", 1280) // what was chosen holds whatever the system prefers
	b.clicks("[data-theme-form] button")
	b.theme("light")
	b.silent("keys and theme")
}

func (b *browser) theme(want string) {
	b.t.Helper()
	b.comesToBe(fmt.Sprintf(`document.documentElement.dataset.bsTheme === %q`, want))
}

// visits sends a request to a service while the browser looks on.
func (b *browser) visits(host, path string) {
	b.t.Helper()
	if err := b.site.visit(b.t.Context(), host, path); err != nil {
		b.t.Fatal(err)
	}
}
