package portal_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/stoa-platform/stoa/internal/store"
)

// place is a page with the name of its picture.
type place struct {
	name, path string
	status     int // 0 is 200
}

// looks are the four in which every page is looked at.
var looks = []struct {
	theme string
	width int64
}{{"light", 1440}, {"dark", 1440}, {"light", 390}, {"dark", 390}}

// logs is the page that is live line by line.
func logs() []place { return []place{{name: "logs", path: "/services/hello/logs?env=dev"}} }

// pages are all other pages of the portal.
func pages() []place {
	return []place{
		{name: "home", path: "/"},
		{name: "services", path: "/services"},
		{name: "services-filtered", path: "/services?owner=payments&state=running&env=dev"},
		{name: "services-none", path: "/services?q=nothing-is-called-so"},
		{name: "service", path: "/services/hello?env=dev&range=15m"},
		{name: "service-never", path: "/services/invoices"},
		{name: "releases", path: "/services/hello/releases?env=dev"},
		{name: "detected", path: "/services/hello/detected?env=dev"},
		{name: "settings", path: "/services/hello/settings?env=dev"},
		{name: "gates", path: "/services/hello/gates?env=dev"},
		{name: "history", path: "/services/hello/history"},
		{name: "rollback", path: "/services/hello/rollback?env=dev"},
		{name: "cancel-none", path: "/services/hello/cancel?env=dev"},
		{name: "scale", path: "/services/hello/scale?env=dev"},
		{name: "promote", path: "/services/hello/promote?env=dev"},
		{name: "restart", path: "/services/hello/restart?env=dev"},
		{name: "release", path: "/releases/hello-2"},
		{name: "release-failed", path: "/releases/invoices-1"},
		{name: "teams", path: "/teams"},
		{name: "team", path: "/teams/payments"},
		{name: "docs", path: "/docs"},
		{name: "docs-page", path: "/docs/policies"},
		{name: "docs-reference", path: "/docs/reference/measures"},
		{name: "audit", path: "/audit"},
		{name: "event", path: "/audit/12"},
		{name: "search", path: "/search?q=he"},
	}
}

// insights are the pages of the platform team with an organisation that lives.
func insights() []place {
	return []place{
		{name: "overview-lived", path: "/overview"},
		{name: "adoption-lived", path: "/adoption?" + past(90)},
		{name: "delivery-lived", path: "/delivery?" + past(90)},
		{name: "delivery-team-lived", path: "/delivery?" + past(90) + "&team=beta"},
		{name: "journeys-lived", path: "/journeys"},
		{name: "scorecard-lived", path: "/scorecard?" + past(90)},
		{name: "targets-lived", path: "/scorecard/targets"},
		{name: "measure-lived", path: "/measures/lead-time?" + past(90) + "&by=team"},
		{name: "measures-lived", path: "/measures"},
		{name: "me-lived", path: "/me"},
	}
}

// empties are the pages of a platform on which nothing happened yet.
func empties() []place {
	return []place{
		{name: "empty-home", path: "/?git=https://git.example.com/team/shop.git"},
		{name: "empty-services", path: "/services"},
		{name: "empty-teams", path: "/teams"},
		{name: "empty-team", path: "/teams/platform"},
		{name: "empty-search", path: "/search?q=shop"},
		{name: "empty-overview", path: "/overview"},
		{name: "empty-adoption", path: "/adoption"},
		{name: "empty-delivery", path: "/delivery"},
		{name: "empty-journeys", path: "/journeys"},
		{name: "empty-scorecard", path: "/scorecard"},
		{name: "empty-measure", path: "/measures/lead-time"},
		{name: "empty-audit", path: "/audit?service=nowhere"},
		{name: "empty-me", path: "/me"},
	}
}

// failures are pages that cannot show what was asked of them.
func failures() []place {
	const wrong = http.StatusUnprocessableEntity
	return []place{
		{name: "error-overview", path: "/overview?from=soon", status: wrong},
		{name: "error-adoption", path: "/adoption?from=soon", status: wrong},
		{name: "error-delivery", path: "/delivery?from=soon", status: wrong},
		{name: "error-journeys", path: "/journeys?from=soon", status: wrong},
		{name: "error-scorecard", path: "/scorecard?from=soon", status: wrong},
		{name: "error-targets", path: "/scorecard/targets?name=nowhere", status: http.StatusNotFound},
		{name: "error-measure", path: "/measures/happiness", status: http.StatusNotFound},
		{name: "error-audit", path: "/audit?before=soon", status: wrong},
		{name: "error-event", path: "/audit/999999999", status: http.StatusNotFound},
		{name: "error-services", path: "/services?state=tired", status: wrong},
		{name: "error-service", path: "/services/nowhere", status: http.StatusNotFound},
		{name: "error-release", path: "/releases/nowhere-1", status: http.StatusNotFound},
		{name: "error-teams", path: "/teams?after=soon", status: wrong},
		{name: "error-team", path: "/teams/nowhere", status: http.StatusNotFound},
		{name: "error-docs", path: "/docs/nowhere", status: http.StatusNotFound},
		{name: "error-search", path: "/nowhere", status: http.StatusNotFound},
	}
}

// silenced are pages of a platform that cannot read what happened.
func silenced() []place {
	const failed = http.StatusInternalServerError
	return []place{
		{name: "error-home", path: "/", status: failed},
		{name: "error-me", path: "/me", status: failed},
	}
}

// walk looks at each of the pages in all four looks: it fits the window, breaks
// no rule of WCAG 2.2 AA, and leaves its picture. A page is loaded once.
func (b *browser) walk(script string, places []place) {
	b.t.Helper()
	for _, p := range places {
		b.look(looks[0].theme, looks[0].width)
		b.goTo(p.path)
		want := p.status
		if want == 0 {
			want = http.StatusOK
		}
		if status := run(b, chromedp.Evaluate[int](`performance.getEntriesByType("navigation")[0].responseStatus`)); status != want {
			b.t.Errorf("%s answers %d, want %d", p.path, status, want)
		}
		b.know(script)
		for _, look := range looks {
			b.look(look.theme, look.width)
			where := fmt.Sprintf("%s %s %d px", p.path, look.theme, look.width)
			if wide := run(b, chromedp.Evaluate[int64]("document.documentElement.scrollWidth - innerWidth")); wide > 0 {
				b.t.Errorf("%s is %d px too wide", where, wide)
			}
			b.accessible(where)
			if look.theme == "light" || p.status == 0 { // a page that only says why it is none needs no more
				b.picture(fmt.Sprintf("%s-%d-%s", p.name, look.width, look.theme))
			}
		}
	}
	b.silent("the pages")
}

// TestAccessible walks all pages, of a platform that lives, of one on which
// nothing happened, and those that say why they cannot be shown.
func TestAccessible(t *testing.T) {
	script := axe(t)
	t.Run("seeded", func(t *testing.T) {
		t.Parallel()
		s := seeded(t)
		b := s.open(t, true)
		b.walk(script, []place{{name: "signin", path: "/signin"}, {name: "signin-code", path: "/signin?code=0123456789abcdef"}})
		b.signIn()
		// Before there is traffic: each line that comes makes the check of a live log
		// slower, and a slow check lets more of them come.
		b.walk(script, logs())
		b.walk(script, []place{{name: "error-logs", path: "/services/hello/logs?env=dev&grep=%5B", status: http.StatusUnprocessableEntity}})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go s.traffic(ctx)
		b.walk(script, pages())
	})
	t.Run("lived", func(t *testing.T) {
		t.Parallel()
		b := lived(t).open(t, true)
		b.signIn()
		b.walk(script, insights())
		b.walk(script, failures())
	})
	t.Run("empty", func(t *testing.T) {
		t.Parallel()
		s := empty(t)
		b := s.open(t, true)
		b.signIn()
		b.walk(script, empties())
		if _, err := s.Apply(t.Context(), strings.NewReader("{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: shops}, spec: {owners: [admin]}}\n---\n"+
			"{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: shop, owner: shops}}"), "", "", false); err != nil {
			t.Fatal(err)
		}
		b = s.open(t, true) // who was signed in before belongs to no team yet
		b.signIn()
		defer s.silence(t)()
		b.walk(script, silenced())
	})
	t.Run("opened", func(t *testing.T) {
		b := seeded(t).open(t, true)
		b.look("light", 1440)
		b.signIn()
		b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)), chromedp.WaitVisible(chromedp.CSS("#palette[open] [role=option]")))
		b.know(script)
		b.accessible("the palette")
		b.goTo("/")
		b.do(chromedp.KeyEvent("?"), chromedp.WaitVisible(chromedp.CSS("#keys[open]")))
		b.know(script)
		b.accessible("the keys")
		b.picture("keys-1440-light")
	})
	t.Run("the check itself", func(t *testing.T) {
		b := seeded(t).open(t, true)
		b.goTo("/signin")
		b.know(script)
		for _, look := range looks {
			b.look(look.theme, look.width)
			b.does(`(main => { main.innerHTML = '<img src="x"><p>pale</p>'; Object.assign(main.lastChild.style, {color: "#777", background: "#888"}) })(document.querySelector("main"))`)
			if found := b.violations(); len(found) != 2 {
				t.Errorf("%s %d px: an image without a text and a pale line are %d violations: %+v", look.theme, look.width, len(found), found)
			}
		}
	})
}

// silence takes the ledger out of reach of a platform that runs, until the
// function that it gives puts it back.
func (s *site) silence(t *testing.T) func() {
	t.Helper()
	rename := func(from, to string) {
		db, err := store.Open(context.WithoutCancel(t.Context()), filepath.Join(s.data, "stoa.db"), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.Write(context.WithoutCancel(t.Context()), "user/admin", func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, "ALTER TABLE "+from+" RENAME TO "+to)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	rename("events", "events_away")
	return func() { rename("events_away", "events") }
}
