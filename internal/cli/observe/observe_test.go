package observe

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/history"
	"github.com/stoa-platform/stoa/internal/problem"
)

// readings is a source of repositories with so many events each; -1 cannot be read.
type readings map[string]int

func (r readings) List(context.Context, history.Sink) ([]history.Repository, error) {
	return []history.Repository{{Path: "acme/shop"}, {Path: "acme/gone"}, {Path: "acme/mail"}}, nil
}

func (r readings) Read(ctx context.Context, repo history.Repository, to history.Sink) error {
	if r[repo.Path] < 0 {
		return problem.New(problem.Failed, "%s is empty", repo.Path)
	}
	to.Waiting("the limit of requests is reached", time.Now().Add(time.Minute))
	for range r[repo.Path] {
		if err := to.Event(ctx, event.Event{Type: "dev.cdevents.change.merged.0.3.0", Source: "https://git.example.org", ID: "1"}); err != nil {
			return err
		}
	}
	return nil
}

func (readings) Teams() []string { return nil }

// Whoever reads a year of an organisation sees how far it is, why it waits and what
// is left out; the result on stdout has none of that.
func TestProgressIsTold(t *testing.T) {
	var out, told bytes.Buffer
	o := Observation{
		Printer: &output.Printer{Out: &out, Err: &told}, Kind: "github", Target: "acme",
		Open: func(history.Options) (history.Source, error) {
			return readings{"acme/shop": 3, "acme/gone": -1, "acme/mail": 1}, nil
		},
	}
	if err := o.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, want := range []string{
		"looking for repositories", "the limit of requests is reached (wait 1)", "acme/shop: 3 events (1 of 3)", "acme/gone could not be read (2 of 3)",
		"(wait 2)", "acme/mail: 1 event (3 of 3)", "not read: acme/gone: acme/gone is empty", "4 events of 2 repositories; nothing was posted",
	} {
		i := strings.Index(told.String()[at:], want)
		if i < 0 {
			t.Fatalf("%q is not told, or not in its place:\n%s", want, told.String())
		}
		at += i + len(want)
	}
	if n := strings.Count(out.String(), "\n"); n != 4 || strings.Contains(out.String(), "…") {
		t.Errorf("want the four events and nothing else:\n%s", out.String())
	}
}

// A repository whose deployments are known from its host is not read of a clone too, nor
// the other way round: the same deployment would count twice. The way that was first is
// read whatever the other has told since, and asking costs no more for many deployments.
func TestOneWayForEachRepository(t *testing.T) {
	const hosted, cloned, pipeline = "https://github.com/acme", "git:4b825dc", "/stoa/delivery"
	many := func(first ...string) []string { return append(first, slices.Repeat([]string{pipeline}, 2500)...) }
	clone, host := history.Repository{Source: cloned, URL: hosted + "/shop"}, history.Repository{Source: hosted, URL: hosted + "/shop"}
	for name, c := range map[string]struct {
		repo     history.Repository
		told     []string // the sources of the service's deployments so far, in the order in which they were told
		by       string
		requests int
	}{
		"first":                       {clone, nil, "", 1},
		"again":                       {clone, many(cloned), "", 1},
		"clone after host":            {history.Repository{Source: cloned, URL: "https://github.com/Acme/shop"}, many(pipeline, hosted), hosted, 2},
		"clone after both":            {clone, []string{hosted, cloned}, hosted, 2},
		"clone before a webhook":      {clone, many(pipeline, cloned, cloned, hosted), "", 2},
		"clone of another":            {history.Repository{Source: cloned, URL: "https://gitlab.com/acme/shop"}, many(hosted), "", 1},
		"clone without a remote":      {history.Repository{Source: cloned}, many(hosted), "", 0},
		"host after clone":            {host, []string{pipeline, cloned}, cloned, 2},
		"host after clone and itself": {host, many(cloned, hosted), cloned, 1},
		"host before clone":           {host, many(hosted, cloned), "", 1},
		"host after the pipeline":     {host, []string{"https://ci.example.org"}, "", 2},
		"host after many":             {host, append(many(), cloned), cloned, 4},
	} {
		t.Run(name, func(t *testing.T) {
			requests := 0
			platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests++
				q := r.URL.Query()
				if r.URL.Path != "/api/v1/events" || q.Get("service") != "shop" || q.Get("type") != "dev.cdevents.service." {
					t.Errorf("asked for %s", r.URL)
				}
				after, _ := strconv.Atoi(q.Get("after"))
				limit, _ := strconv.Atoi(q.Get("limit"))
				if after == 0 {
					t.Errorf("asked for the newest first: %s", r.URL)
				}
				var items []string
				next := ""
				for i, source := range c.told { // the event of seq 1 is another
					if seq := i + 2; seq > after && (q.Get("source") == "" || q.Get("source") == source) && len(items) < limit {
						items = append(items, fmt.Sprintf(`{"source":%q,"seq":%d}`, source, seq))
						next = strconv.Itoa(seq)
					}
				}
				if len(items) < limit {
					next = ""
				}
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprintf(w, `{"items":[%s],"next":%q}`, strings.Join(items, ","), next)
			}))
			defer platform.Close()
			cl, err := client.New(platform.URL, "")
			if err != nil {
				t.Fatal(err)
			}
			c.repo.Service = "shop"
			by, err := (&observer{client: cl}).toldBy(t.Context(), c.repo)
			if err != nil || by != c.by {
				t.Errorf("told by %q, want %q (%v)", by, c.by, err)
			}
			if requests != c.requests {
				t.Errorf("%d requests, want %d", requests, c.requests)
			}
		})
	}
}
