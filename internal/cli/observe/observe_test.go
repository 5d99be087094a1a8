package observe

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

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
