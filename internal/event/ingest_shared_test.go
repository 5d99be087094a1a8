package event_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

// What a webhook told, and what who reads the history tells of it again, is one
// event, whoever was first; nobody but the platform team may speak for its source.
func TestPlatformsSourcesAreShared(t *testing.T) {
	hook := event.Poster{Name: "webhook/github", Platform: true, Takes: true}
	root := event.Poster{Name: "user/root", Platform: true}
	ci := event.Poster{Name: "token/ci", Teams: []string{"payments"}}
	said := func(kind, data string) event.Event {
		return event.Event{ID: "7/deployment/1", Source: "https://github.com/acme", Type: "dev.cdevents." + kind + ".0.3.0", Service: "shop",
			Time: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), Data: json.RawMessage(data)}
	}
	of := func(service, environment string) event.Event {
		e := said("service.upgraded", `{}`)
		e.Service, e.Environment = service, environment
		return e
	}
	for name, c := range map[string]struct {
		first, second event.Poster
		event         event.Event
		want          event.Status // "" is refused
	}{
		"the history after the webhook":       {hook, root, said("service.upgraded", `{"more":true}`), event.Duplicate},
		"the webhook after the history":       {root, hook, said("service.upgraded", `{"more":true}`), event.Duplicate},
		"the very same":                       {hook, hook, said("service.deployed", `{}`), event.Duplicate},
		"the same sender, contradicting":      {hook, hook, said("service.deployed", `{"other":1}`), event.Conflict},
		"another kind of fact under its id":   {hook, root, said("incident.detected", `{}`), event.Conflict},
		"the history, of another service":     {hook, root, of("mail", ""), event.Conflict},
		"the history, that knows where":       {hook, root, of("shop", "production"), event.Duplicate},
		"a team's token for the webhook's":    {hook, ci, said("service.deployed", `{}`), ""},
		"a webhook for what a token has":      {ci, hook, said("service.deployed", `{}`), event.Duplicate},
		"the platform team for what one has":  {ci, root, said("service.deployed", `{}`), ""},
		"another team's token for what it is": {ci, event.Poster{Name: "token/other", Teams: []string{"payments"}}, said("service.deployed", `{}`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *store.Store) {
				in := event.NewIngester(s, event.IngestOptions{TeamOf: teamOf})
				if _, err := in.Ingest(t.Context(), c.first, []event.Event{said("service.deployed", `{}`)}); err != nil {
					t.Fatal(err)
				}
				got, err := in.Ingest(t.Context(), c.second, []event.Event{c.event})
				if c.want == "" {
					if !problem.Is(err, problem.Forbidden) || !strings.Contains(err.Error(), "another principal") {
						t.Errorf("%v, %v", got, err)
					}
				} else if err != nil || got[0].Status != c.want {
					t.Errorf("%v, %v, want %s", got, err, c.want)
				}
				if n := count(t, s, "SELECT count(*) FROM events e JOIN dim d ON d.id = e.type AND d.kind = 0 WHERE d.name LIKE 'dev.cdevents.%'"); n != 1 {
					t.Errorf("%d events tell of one fact", n)
				}
				seal(t, sealer(t, s))
				if report := verify(t, s, event.VerifyOptions{}); !report.OK() {
					t.Errorf("report: %+v", report)
				}
			})
		})
	}
}

// Whoever posts a source first does not lock a webhook out of it.
func TestWebhooksTakeSourcesOver(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		in := event.NewIngester(s, event.IngestOptions{TeamOf: teamOf})
		hook := event.Poster{Name: "webhook/github", Platform: true, Takes: true}
		ci := event.Poster{Name: "token/ci", Teams: []string{"payments"}}
		post := func(by event.Poster, id string) error {
			_, err := in.Ingest(t.Context(), by, []event.Event{{ID: id, Source: "https://github.com/acme/shop", Type: "x.y"}})
			return err
		}
		for i, by := range []event.Poster{ci, hook, {Name: "user/root", Platform: true}, hook} {
			if err := post(by, strconv.Itoa(i)); err != nil {
				t.Fatalf("%s: %v", by.Name, err)
			}
		}
		if err := post(ci, "late"); !problem.Is(err, problem.Forbidden) || !strings.Contains(err.Error(), "of the platform team") {
			t.Errorf("who had it before: %v", err)
		}
		if n := count(t, s, "SELECT count(*) FROM events e JOIN dim d ON d.id = e.type AND d.kind = 0 WHERE d.name = '"+event.TypeSourceBound+"'"); n != 2 {
			t.Errorf("the ledger tells of %d bindings, want the token's and the webhook's", n)
		}
		seal(t, sealer(t, s))
		if report := verify(t, s, event.VerifyOptions{}); !report.OK() {
			t.Errorf("report: %+v", report)
		}
	})
}
