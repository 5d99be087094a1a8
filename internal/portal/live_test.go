package portal_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/delivery/progress"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/portal"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

// as lets everybody in as the one principal, and counts nothing.
type as struct {
	portal.Doorkeeper
	auth.Principal
}

func (a as) Authenticate(*http.Request) (auth.Principal, error) { return a.Principal, nil }

func (as) Record(event.Use) {}

// hints are what a release tells who watches it; each is taken before the next.
type hints chan progress.Change

func (h hints) Watch(string) (<-chan progress.Change, func()) { return h, func() {} }

func (hints) BuildOutput(delivery.Release) (io.ReadCloser, error) {
	return nil, problem.New(problem.NotFound, "nothing is built here")
}

// What a build prints holds what other teams need not see: who looks on at the
// release of another team sees how far it comes, and not a line of that.
func TestOnlyWhoMayReadLogsSeesOutputOfARelease(t *testing.T) {
	registry, err := object.NewRegistry(append(catalog.Kinds(), delivery.Kinds()...)...)
	if err != nil {
		t.Fatal(err)
	}
	for who, test := range map[string]struct {
		principal auth.Principal
		sees      bool
	}{
		"the team":                 {auth.Principal{Platform: auth.Viewer, Teams: map[string]auth.Role{"fruit": auth.TeamMember}}, true},
		"the platform's people":    {auth.Principal{Platform: auth.PlatformMember}, true},
		"another team":             {auth.Principal{Platform: auth.Viewer, Teams: map[string]auth.Role{"nuts": auth.TeamOwner}}, false},
		"a viewer":                 {auth.Principal{Platform: auth.Viewer}, false},
		"an auditor of the team's": {auth.Principal{Platform: auth.Viewer, Teams: map[string]auth.Role{"fruit": auth.TeamMember}, Scopes: []string{auth.ScopeAudit}}, false},
	} {
		t.Run(who, func(t *testing.T) {
			db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "stoa.db"), store.Options{Fields: func(kind string) []string {
				k, _ := registry.ByName(kind)
				return k.Fields
			}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			reached := func(phase delivery.Phase) error {
				rel := object.New[delivery.ReleaseSpec, delivery.ReleaseStatus]("shop-1", "fruit", delivery.ReleaseSpec{Service: "shop", Environment: "dev", Number: 1})
				rel.Status.Phase = phase
				raw, err := rel.Object()
				if err != nil {
					return err
				}
				return db.Write(context.WithoutCancel(t.Context()), "stoa/test", func(ctx context.Context, tx *store.Tx) error {
					_, err := tx.Put(ctx, raw)
					return err
				})
			}
			if err := reached(delivery.Releasing); err != nil {
				t.Fatal(err)
			}
			test.principal.Name = "user/ann"
			told, visitor := make(hints), as{Principal: test.principal}
			p, err := portal.New(portal.Options{Objects: db, Kinds: registry, Ledger: db, Auth: visitor, Usage: visitor, Releases: told,
				Clock: time.Now, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			page := httptest.NewRecorder()
			p.ServeHTTP(page, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/releases/shop-1", nil))
			if _, card, _ := strings.Cut(page.Body.String(), `aria-labelledby="output"`); strings.HasPrefix(card, " hidden") == test.sees {
				t.Errorf("%s: the page has room for the output: %.20q, want %t", page.Result().Status, card, test.sees)
			}
			ended := make(chan error, 1)
			go func() {
				told <- progress.Change{Step: "build", Line: "using the key <of fruit>"}
				err := reached(delivery.Succeeded)
				told <- progress.Change{Status: true}
				ended <- err
			}()
			live := httptest.NewRecorder()
			p.ServeHTTP(live, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/releases/shop-1/live", nil))
			if live.Code != http.StatusOK {
				t.Fatalf("answered %d: %s", live.Code, live.Body)
			}
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			contains(t, "the stream", live.Body.String(), "On its way to dev", "event: done")
			if got := strings.Contains(live.Body.String(), "using the key &lt;of fruit&gt;"); got != test.sees {
				t.Errorf("sees the output: %t, want %t", got, test.sees)
			}
		})
	}
}
