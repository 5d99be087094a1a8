package portal_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestPathsOfAPerson walks what people do, in a real browser, with scripts and
// without: every form must work as plain HTML.
func TestPathsOfAPerson(t *testing.T) {
	for _, c := range []struct {
		name, service, before string
		scripts               bool
	}{{"with scripts", "hello", "hello-1", true}, {"without scripts", "index", "index-1", false}} {
		t.Run(c.name, func(t *testing.T) {
			b := seeded(t).open(t, c.scripts)
			b.look("light", 1280)
			b.signsIn()
			b.findsAService(c.service)
			b.confirmsAndOverrides(c.service)
			b.changesSettings(c.service)
			b.scales(c.service)
			b.rollsBack(c.service, c.before)
			b.looksBack(c.service)
			b.asksWhoIsWho()
			b.audits(c.service)
			b.leaves()
			b.silent("the paths")
		})
	}
}

func (b *browser) submit(form string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(form + " button[type=submit]")))
}

// fills types into a field in place of what is there.
func (b *browser) fills(field, text string) {
	b.t.Helper()
	b.do(chromedp.Clear(chromedp.CSS(field)), chromedp.SendKeys(chromedp.CSS(field), text))
}

// at waits until the browser is at the path.
func (b *browser) at(path string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		here := run(b, chromedp.Location())
		if u, err := url.Parse(here); err == nil && u.Path == path {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("the browser is at %s, want %s", here, path)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// signsIn is refused with a wrong password, keeps the name, and then comes to
// where it wanted to go.
func (b *browser) signsIn() {
	b.t.Helper()
	b.goTo("/services?owner=payments")
	b.at("/signin")
	b.fills("#name", "ann")
	b.fills("#password", "wrong")
	b.submit(".door form")
	b.sees(".told-title", "name or password is wrong")
	if name := run(b, chromedp.Value(chromedp.CSS("#name"))); name != "ann" {
		b.t.Errorf("the name that was typed became %q", name)
	}
	b.fills("#password", password)
	b.submit(".door form")
	b.at("/services")
	b.sees("h1", "Services")
}

func (b *browser) findsAService(service string) {
	b.t.Helper()
	b.signIn()
	b.goTo("/services")
	b.fills(".filters [name=q]", service)
	b.submit("form.filters")
	b.sees("tbody tr", service)
	b.sees(".chips", service)
	b.do(chromedp.Click(chromedp.CSS("tbody tr th a")))
	b.at("/services/" + service)
	b.sees("#state", "answers in")
	b.sees("main", "Current release")
}

func (b *browser) confirmsAndOverrides(service string) {
	b.t.Helper()
	page := "/services/" + service + "/detected?env=dev"
	b.goTo(page)
	b.sees("#health", "verified")
	b.do(chromedp.Click(chromedp.CSS("#health details summary")))
	b.fills("#value-health", "livez")
	b.submit("#health details form")
	b.sees("#health .field-told", "must begin with /")
	if typed := run(b, chromedp.Value(chromedp.CSS("#value-health"))); typed != "livez" {
		b.t.Errorf("what was typed became %q", typed)
	}
	b.fills("#value-health", "/ready")
	b.submit("#health details form")
	b.sees("[role=status]", "Override kept")
	b.sees("#health", "by /ready from the next release on")
	b.do(chromedp.Click(chromedp.CSS(`#health button[value=remove]`)))
	b.sees("[role=status]", "Override removed")
}

func (b *browser) changesSettings(service string) {
	b.t.Helper()
	b.goTo("/services/" + service + "/settings?env=dev")
	b.fills("#key", "API_TOKEN")
	b.fills("#value", "ghp_16C7e42F292c6912E7710c838347Ae178B4a")
	b.submit(".setting-form")
	b.sees("#key-told", "looks like a credential")
	b.sees(".told-bad", "stoa secret set "+service+" API_TOKEN")
	b.fills("#key", "GREETING")
	b.fills("#value", "hi there")
	b.submit(".setting-form")
	b.sees("[role=status]", "Setting kept")
	b.sees(".rows", "GREETING=hi there")
}

func (b *browser) scales(service string) {
	b.t.Helper()
	b.goTo("/services/" + service + "?env=dev")
	b.do(chromedp.Click(chromedp.CSS(`.verbs a[href*="/scale"]`)))
	b.sees(".does", "The gates are asked")
	run(b, chromedp.Evaluate[chromedp.Void](`document.querySelector("main .card form").noValidate = true`))
	b.fills("#replicas", "101")
	b.fills("#reason", "a busy day")
	b.submit("main .card form")
	b.sees("#replicas-told", "must be a whole number of 0 to 100")
	if why := run(b, chromedp.Value(chromedp.CSS("#reason"))); why != "a busy day" {
		b.t.Errorf("the reason that was typed became %q", why)
	}
	b.fills("#replicas", "2")
	b.submit("main .card form")
	b.sees("[role=status]", "number of instances is changed")
	b.until("#state", "All 2 instances answer")
}

// until looks again, as a person without scripts does, until the text is there.
func (b *browser) until(selector, text string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		shown := run(b, chromedp.Text(chromedp.CSS(selector)))
		if strings.Contains(shown, text) {
			return
		}
		b.do(chromedp.Reload(), chromedp.WaitReady(chromedp.CSS("main")))
	}
	b.t.Fatalf("%s never shows %q", selector, text)
}

func (b *browser) rollsBack(service, to string) {
	b.t.Helper()
	b.goTo("/services/" + service + "/releases?env=dev")
	b.do(chromedp.Click(chromedp.CSS(`a[aria-label="Roll back to this: ` + to + `"]`)))
	b.sees(".pick:has(:checked)", to)
	b.sees(".does", "nothing is built")
	b.fills("#reason", "the new one is rude")
	b.submit("main .card form")
	b.sees("#release h1", service)
	b.until("#release .condition", "succeeded")
	b.sees("#release", "the new one is rude")
	b.sees("#release", "rollback")
	b.goTo("/services/" + service + "?env=dev")
	b.sees("main", "rollback")
}

func (b *browser) looksBack(service string) {
	b.t.Helper()
	b.goTo("/services/" + service + "/history")
	b.sees(".releases", "spec.environments.dev.replicas")
	b.sees(".releases", "through portal · a busy day")
	b.sees(".releases", "by admin")
	b.goTo("/services/" + service + "/gates?env=dev")
	b.sees("main", "Verdicts of")
	b.goTo("/services/" + service + "/logs?env=dev&since=24h&grep=listening")
	b.sees("#log", "listening on")
	b.goTo("/services/" + service + "/logs?env=dev&grep=%5B")
	b.sees("#grep-told", "missing closing ]")
}

func (b *browser) asksWhoIsWho() {
	b.t.Helper()
	b.goTo("/teams")
	b.do(chromedp.Click(chromedp.CSS(`a[href="/teams/payments"].row-link`)))
	b.sees("h1", "payments")
	b.at("/teams/payments")
	b.until(".milestones", "first deployment")
	b.sees("main", "quota/payments")
	b.sees("main", "until the old build is moved out")
	b.goTo("/search")
	b.fills("main [name=q]", "pay")
	b.submit("main form")
	b.sees(".answer", "for “pay”")
	b.sees(".rows", "payments")
}

func (b *browser) audits(service string) {
	b.t.Helper()
	b.goTo("/audit")
	b.fills("[name=service]", service)
	b.fills("[name=type]", "dev.cdevents")
	b.submit("form.filters")
	b.sees(".events", "service deployed")
	b.sees(".events tbody tr:last-child", service)
	b.do(chromedp.Click(chromedp.CSS(".events tbody tr:last-child th a")))
	b.sees("h1", "Event")
	b.until("h1 + .condition", "verified")
	b.sees("main", "Proof of inclusion")
}

func (b *browser) leaves() {
	b.t.Helper()
	b.goTo("/")
	b.do(chromedp.Click(chromedp.CSS("details.user summary")), chromedp.Click(chromedp.CSS("details.user form button")))
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
	if err := s.visit(t.Context(), "checkout.dev", "/a-new-line"); err != nil {
		t.Fatal(err)
	}
	b.sees("#log", "greeting a-new-line")
	b.do(chromedp.Click(chromedp.CSS("[data-log-pause]")))
	if err := s.visit(t.Context(), "checkout.dev", "/held-back"); err != nil {
		t.Fatal(err)
	}
	b.sees("[data-log-live]", "1 new line held back")
	b.do(chromedp.Click(chromedp.CSS("[data-log-pause]")))
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
	b.submit("main .card form")
	b.sees("#release .condition", "succeeded")
	b.sees("#release", "serves in production now")
	b.silent("what is live")
}

func TestKeyboardAndTheme(t *testing.T) {
	b := seeded(t).open(t, true)
	b.look("light", 1280)
	b.signIn()
	b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)), chromedp.WaitVisible(chromedp.CSS("#palette[open]")))
	b.do(chromedp.SendKeys(chromedp.CSS("#palette input"), "invo"))
	b.sees("#palette [aria-selected=true]", "invoices")
	b.do(chromedp.SendKeys(chromedp.CSS("#palette input"), kb.Enter))
	b.at("/services/invoices")
	b.do(chromedp.WaitReady(chromedp.CSS("main")), chromedp.KeyEvent("?"), chromedp.WaitVisible(chromedp.CSS("#keys[open]")))
	b.do(chromedp.KeyEvent(kb.Escape), chromedp.WaitNotVisible(chromedp.CSS("#keys")))
	b.do(chromedp.KeyEvent("g"), chromedp.KeyEvent("a"))
	b.at("/audit")

	b.do(chromedp.WaitReady(chromedp.CSS("main")), chromedp.Click(chromedp.CSS("[data-theme-form] button")))
	b.theme("dark")
	b.goTo("/teams")
	b.theme("dark")
	b.look("dark", 1280) // what was chosen holds whatever the system prefers
	b.do(chromedp.Click(chromedp.CSS("[data-theme-form] button")))
	b.theme("light")
	b.silent("keys and theme")
}

func (b *browser) theme(want string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		got := run(b, chromedp.Evaluate[string](`document.documentElement.dataset.bsTheme`))
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("the theme is %s, want %s", got, want)
		}
		<-time.After(50 * time.Millisecond)
	}
}
