package portal_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// place is a page with the name of its picture.
type place struct {
	name, path string
	status     int // 0 is 200
}

// pages are all pages of the portal.
func pages() []place {
	return []place{
		{name: "home", path: "/"},
		{name: "services", path: "/services"},
		{name: "services-filtered", path: "/services?owner=payments&state=running&env=dev"},
		{name: "services-none", path: "/services?q=nothing-is-called-so"},
		{name: "service", path: "/services/hello?env=dev&range=15m"},
		{name: "service-never", path: "/services/invoices"},
		{name: "releases", path: "/services/hello/releases?env=dev"},
		{name: "logs", path: "/services/hello/logs?env=dev"},
		{name: "logs-wrong", path: "/services/hello/logs?env=dev&grep=%5B", status: http.StatusUnprocessableEntity},
		{name: "detected", path: "/services/hello/detected?env=dev"},
		{name: "settings", path: "/services/hello/settings?env=dev"},
		{name: "gates", path: "/services/hello/gates?env=dev"},
		{name: "history", path: "/services/hello/history"},
		{name: "rollback", path: "/services/hello/rollback?env=dev"},
		{name: "scale", path: "/services/hello/scale?env=dev"},
		{name: "promote", path: "/services/hello/promote?env=dev"},
		{name: "restart", path: "/services/hello/restart?env=dev"},
		{name: "release", path: "/releases/hello-2"},
		{name: "release-failed", path: "/releases/invoices-1"},
		{name: "teams", path: "/teams"},
		{name: "team", path: "/teams/payments"},
		{name: "overview", path: "/overview"},
		{name: "scorecard", path: "/scorecard"},
		{name: "adoption", path: "/adoption"},
		{name: "delivery", path: "/delivery"},
		{name: "journeys", path: "/journeys"},
		{name: "me", path: "/me"},
		{name: "docs", path: "/docs"},
		{name: "docs-page", path: "/docs/policies"},
		{name: "docs-reference", path: "/docs/reference/measures"},
		{name: "audit", path: "/audit"},
		{name: "event", path: "/audit/12"},
		{name: "search", path: "/search?q=he"},
		{name: "not-found", path: "/services/nowhere", status: http.StatusNotFound},
	}
}

// traffic sends requests to the seeded services until the context ends.
func (s *site) traffic(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		_ = s.visit(ctx, "hello.dev", "/ann")
		if n%3 == 0 {
			_ = s.visit(ctx, "checkout.dev", "/")
		}
		if n%5 == 0 {
			_ = s.visit(ctx, "hello.production", "/bob")
		}
		pause := time.Duration(20+(n%37)*4) * time.Millisecond
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// TestScreenshots takes a picture of every page, wide and narrow, light and dark.
// With STOA_SCREENSHOTS, as make screenshots sets it, those of the README are
// put there too, after enough traffic for a chart.
func TestScreenshots(t *testing.T) {
	s := seeded(t)
	b := s.open(t, true)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go s.traffic(ctx)
	if os.Getenv("STOA_SCREENSHOTS") != "" {
		wait(t, 4*time.Minute)
	}
	b.look("light", 1440)
	b.goTo("/signin")
	b.picture("signin-1440-light")
	b.goTo("/signin?code=0123456789abcdef")
	b.picture("signin-code-1440-light")
	b.signIn()
	for _, look := range []struct {
		theme string
		width int64
		pages []place
	}{{"light", 1440, pages()}, {"light", 390, pages()}, {"dark", 1440, pages()[:7]}} {
		b.look(look.theme, look.width)
		for _, p := range look.pages {
			b.goTo(p.path)
			b.picture(fmt.Sprintf("%s-%d-%s", p.name, look.width, look.theme))
		}
	}
	b.look("light", 1440)
	b.goTo("/")
	b.do(chromedp.KeyEvent("?"), chromedp.WaitVisible(chromedp.CSS("#keys[open]")))
	b.picture("keys-1440-light")
	b.silent("pages")

	e := empty(t)
	first := e.open(t, true)
	first.signIn()
	for _, width := range []int64{1440, 390} {
		first.look("light", width)
		for _, p := range []place{{name: "empty-home", path: "/?git=https://git.example.com/team/shop.git"}, {name: "empty-services", path: "/services"}, {name: "empty-team", path: "/teams/platform"}} {
			first.goTo(p.path)
			first.picture(fmt.Sprintf("%s-%d-light", p.name, width))
		}
	}
	first.silent("empty pages")

	if to := os.Getenv("STOA_SCREENSHOTS"); to != "" {
		keep(t, to, map[string]string{"home-1440-light": "portal-home", "service-1440-light": "portal-service", "service-1440-dark": "portal-service-dark"})
	}
}

// keep copies pictures to where the README shows them.
func keep(t *testing.T, to string, names map[string]string) {
	t.Helper()
	for from, name := range names {
		png, err := os.ReadFile(filepath.Join(output(), from+".png"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name+".png"), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func wait(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
	case <-time.After(d):
	}
}
