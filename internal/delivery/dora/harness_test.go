package dora_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/delivery/dora"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// TestMain takes fewer examples than rapid does by itself: each opens a
// database several times. -rapid.checks asks for another number.
func TestMain(m *testing.M) {
	if url := os.Getenv(envRebuild); url != "" {
		fmt.Fprintln(os.Stderr, rebuild(url))
		os.Exit(1)
	}
	_ = flag.Set("rapid.checks", "25")
	os.Exit(m.Run())
}

type fataler interface{ Fatal(...any) }

func onBoth(t *testing.T, test func(t *testing.T, s *store.Store)) {
	onBothURLs(t, func(t *testing.T, url string) {
		s, err := store.Open(t.Context(), url, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		test(t, s)
	})
}

func onBothURLs(t *testing.T, test func(t *testing.T, url string)) {
	for name, url := range map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "stoa.db") },
		"postgres": testenv.Postgres,
	} {
		t.Run(name, func(t *testing.T) { test(t, url(t)) })
	}
}

func add(t fataler, s *store.Store, events ...event.Event) {
	if _, err := s.AppendEvents(context.Background(), "stoa/test", events, nil); err != nil {
		t.Fatal(err)
	}
}

func project(t fataler, s *store.Store, batch int) {
	r := event.NewRunner(s, dora.Projectors(), event.RunnerOptions{Batch: batch})
	if err := r.CatchUp(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func statements(t fataler, s *store.Store, queries ...string) {
	err := s.Write(context.Background(), "stoa/test", func(ctx context.Context, tx *store.Tx) error {
		for _, q := range queries {
			if _, err := tx.Exec(ctx, q); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// rows gives what a query finds, a line for each row, in order.
func rows(t fataler, s *store.Store, query string) []string {
	found, err := s.Query(context.Background(), query)
	if err != nil {
		t.Fatal(query, err)
	}
	defer found.Close()
	columns, _ := found.Columns()
	var all []string
	for found.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := found.Scan(into...); err != nil {
			t.Fatal(err)
		}
		line := make([]string, len(columns))
		for i, v := range values {
			line[i] = fmt.Sprintf("%q", v.String)
			if !v.Valid {
				line[i] = "-"
			}
		}
		all = append(all, strings.Join(line, " "))
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// tables gives every row of the projection's tables.
func tables(t fataler, s *store.Store) []string {
	var all []string
	for _, table := range []string{"deployments", "changes", "commit_times", "incident_facts", "incidents", "incident_links", "failed_pipelines", "delivery_period"} {
		for _, row := range rows(t, s, "SELECT * FROM "+table) {
			all = append(all, table+" "+row)
		}
	}
	return all
}

// said is an event of delivery as the tests write it.
type said struct {
	id, source, kind           string // kind is "service.deployed", "incident.resolved" …
	at                         time.Time
	service, environment, team string
	path                       bool
	subject                    string
	custom                     map[string]any
	content                    map[string]any
}

func (e said) event(t fataler) event.Event {
	subject := map[string]any{"id": e.subject, "content": e.content}
	data, err := json.Marshal(map[string]any{"context": map[string]any{"id": e.id}, "subject": subject, "customData": e.custom})
	if err != nil {
		t.Fatal(err)
	}
	ev := event.Event{
		ID: e.id, Source: e.source, Type: "dev.cdevents." + e.kind + ".0.3.0", Time: e.at, Subject: e.subject,
		Service: e.service, Environment: e.environment, Team: e.team, Data: data,
	}
	if ev.Source == "" {
		ev.Source = "https://ci.example.org"
	}
	if e.path {
		ev.Capability = "deploy"
	}
	return ev
}

func events(t fataler, all ...said) []event.Event {
	list := make([]event.Event, len(all))
	for i, e := range all {
		if e.id == "" {
			e.id = fmt.Sprintf("event-%d", i+1)
		}
		list[i] = e.event(t)
	}
	return list
}

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) // a Monday

func hours(n float64) time.Time { return start.Add(time.Duration(n * float64(time.Hour))) }

// deploy is a deployment to production.
func deploy(at float64, service, release string, custom ...any) said {
	e := said{kind: "service.deployed", at: hours(at), service: service, environment: "prod", team: "red", subject: service, custom: map[string]any{"release": release}}
	for i := 0; i+1 < len(custom); i += 2 {
		e.custom[custom[i].(string)] = custom[i+1]
	}
	return e
}

func rollback(at float64, service, release string, custom ...any) said {
	e := deploy(at, service, release, custom...)
	e.kind = "service.rolledback"
	return e
}

func detected(at float64, id, service string, custom ...any) said {
	e := deploy(at, service, "", custom...)
	e.kind, e.subject, e.environment = "incident.detected", id, ""
	delete(e.custom, "release")
	return e
}

func resolved(at float64, id, service string) said {
	e := detected(at, id, service)
	e.kind = "incident.resolved"
	return e
}

// org gives an organisation whose names are those of the ledger.
func org(t fataler, s *store.Store, change ...func(*measure.Org)) *measure.Org {
	o := &measure.Org{Production: map[int64]bool{}, Services: map[int64]string{}, CapabilityNames: map[int64]string{},
		Names: map[measure.Dimension][]string{measure.ByTeam: {"red", "blue"}}}
	found, err := s.Query(context.Background(), "SELECT id, kind, name FROM dim ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		var id int64
		var kind event.DimKind
		var name string
		if err := found.Scan(&id, &kind, &name); err != nil {
			t.Fatal(err)
		}
		switch kind {
		case event.DimTeam:
			o.Teams = append(o.Teams, &measure.Team{Name: name, IDs: []int64{id}, Segment: "seg-" + name[:1]})
		case event.DimService:
			o.Services[id] = name
		case event.DimEnvironment:
			if name == "prod" {
				o.Production[id] = true
			}
		}
	}
	for _, c := range change {
		c(o)
	}
	o.Index()
	return o
}

type theOrg struct{ org *measure.Org }

func (o theOrg) Org(context.Context) (*measure.Org, error) { return o.org, nil }

func engine(t fataler, s *store.Store, o *measure.Org) *measure.Engine {
	e, err := measure.NewEngine(s, theOrg{o}, dora.Measures()...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// month is the time from the day of start on, 30 days.
func month() measure.Scope {
	return measure.Scope{From: measure.Day(start), To: measure.Day(start) + 30}
}
