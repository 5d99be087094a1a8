package event_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

func teamOf(_ context.Context, service string) (string, error) {
	return map[string]string{"shop": "payments", "blog": "web"}[service], nil
}

func TestIngestBindsSources(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		in := event.NewIngester(s, event.IngestOptions{TeamOf: teamOf})
		post := func(by, source, id string) error {
			_, err := in.Ingest(t.Context(), event.Poster{Name: by}, []event.Event{{ID: id, Source: source, Type: "x.y"}})
			return err
		}
		if err := post("token/ci", "https://ci/a", "1"); err != nil {
			t.Fatal(err)
		}
		if err := post("token/ci", "https://ci/a", "2"); err != nil {
			t.Fatal(err)
		}
		err := post("user/eve", "https://ci/a", "3")
		if !problem.Is(err, problem.Forbidden) || !strings.Contains(err.Error(), "a token") || strings.Contains(err.Error(), "token/ci") {
			t.Errorf("a foreign source: %v", err)
		}
		if n := count(t, s, "SELECT count(*) FROM persons"); n != 1 {
			t.Errorf("the refused post left %d persons", n)
		}
		if err := s.ErasePerson(t.Context(), "user/root", "token/ci", store.Traces{}); err != nil {
			t.Fatal(err)
		}
		if err := post("user/eve", "https://ci/a", "3"); err != nil {
			t.Errorf("a source that was released: %v", err)
		}
		seal(t, sealer(t, s))
		if report := verify(t, s, event.VerifyOptions{}); !report.OK() {
			t.Errorf("report: %+v", report)
		}
	})
}

func TestIngestRefusesToSpeakForOthers(t *testing.T) {
	s := open(t, t.TempDir()+"/stoa.db", nil)
	in := event.NewIngester(s, event.IngestOptions{TeamOf: teamOf, Capabilities: []string{"deploy", "logs"}})
	ci := event.Poster{Name: "token/ci", Teams: []string{"payments"}}
	root := event.Poster{Name: "user/root", Platform: true}
	base := func(change func(*event.Event)) event.Event {
		ev := event.Event{ID: "1", Source: "https://ci", Type: "x.y"}
		change(&ev)
		return ev
	}
	for name, c := range map[string]struct {
		by    event.Poster
		event event.Event
		field string
		kind  problem.Kind
	}{
		"own source":        {root, base(func(e *event.Event) { e.Source = "/stoa" }), "source", problem.Forbidden},
		"below own source":  {root, base(func(e *event.Event) { e.Source = "/stoa/delivery" }), "source", problem.Forbidden},
		"dressed up":        {root, base(func(e *event.Event) { e.Source = "/x/../STOA/delivery" }), "source", problem.Forbidden},
		"escaped":           {root, base(func(e *event.Event) { e.Source = "/%73toa/delivery" }), "source", problem.Forbidden},
		"as a host":         {root, base(func(e *event.Event) { e.Source = "//stoa/delivery" }), "source", problem.Forbidden},
		"without a slash":   {root, base(func(e *event.Event) { e.Source = "stoa/delivery" }), "source", problem.Forbidden},
		"own type":          {root, base(func(e *event.Event) { e.Type = "dev.stoa.release.created" }), "type", problem.Forbidden},
		"own type, dressed": {root, base(func(e *event.Event) { e.Type = "Dev.Stoa.Access.granted" }), "type", problem.Forbidden},
		"a brought type":    {ci, base(func(e *event.Event) { e.Type = "dev.stoa.access.granted" }), "type", problem.Forbidden},
		"own capability":    {ci, base(func(e *event.Event) { e.Capability = "deploy" }), "capability", problem.Forbidden},
		"dressed up as own": {ci, base(func(e *event.Event) { e.Capability = " Deploy" }), "capability", problem.Forbidden},
		"no number of uses": {root, usage("many"), "count", problem.Invalid},
		"a negative number": {root, usage("-1"), "count", problem.Invalid},
		"no use at all":     {root, usage("0"), "count", problem.Invalid},
		"another actor":     {ci, base(func(e *event.Event) { e.Actor = "user/ann" }), "actor", problem.Forbidden},
		"Stoa as actor":     {root, base(func(e *event.Event) { e.Actor = "stoa/delivery" }), "actor", problem.Invalid},
		"a pseudonym":       {root, base(func(e *event.Event) { e.Actor = "p-abc" }), "actor", problem.Invalid},
		"another team":      {ci, base(func(e *event.Event) { e.Team = "web" }), "team", problem.Forbidden},
		"another's service": {ci, base(func(e *event.Event) { e.Service = "blog" }), "team", problem.Forbidden},
		"the future":        {ci, base(func(e *event.Event) { e.Time = time.Now().Add(2 * time.Hour) }), "time", problem.Invalid},
		"malformed":         {ci, base(func(e *event.Event) { e.ID = "" }), "id", problem.Invalid},
	} {
		_, err := in.Ingest(t.Context(), c.by, []event.Event{c.event})
		if !problem.Is(err, c.kind) || problem.From(err).Fields[0].Path != c.field {
			t.Errorf("%s: %v", name, err)
		}
		good := event.Event{ID: "0", Source: "https://ci", Type: "x.y"}
		_, err = in.Ingest(t.Context(), c.by, []event.Event{good, c.event})
		if !problem.Is(err, c.kind) || !strings.Contains(problem.From(err).Fields[0].Source, "event 2") {
			t.Errorf("%s, second in a batch: %v", name, err)
		}
	}
	if n := count(t, s, "SELECT count(*) FROM events"); n != 0 {
		t.Errorf("%d events were taken", n)
	}
	if _, err := in.Ingest(t.Context(), ci, make([]event.Event, event.MaxBatch+1)); !problem.Is(err, problem.TooLarge) {
		t.Errorf("too many: %v", err)
	}
	if got, err := in.Ingest(t.Context(), ci, nil); err != nil || len(got) != 0 {
		t.Errorf("none: %v, %v", got, err)
	}
}

func usage(count string) event.Event {
	return event.Event{ID: "1", Source: "https://old", Type: event.TypeUsage, Capability: "logs", Extensions: map[string]string{event.ExtCount: count}}
}

// The platform team brings what another platform knows: who asked for access,
// what was used. Anybody may tell of capabilities that are not Stoa's.
func TestIngestTakesHistory(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		in := event.NewIngester(s, event.IngestOptions{TeamOf: teamOf, Capabilities: []string{"deploy", "logs"}})
		root := event.Poster{Name: "user/root", Platform: true}
		var brought []event.Event
		for _, kind := range []string{
			event.TypeUsage, "dev.stoa.access.asked", "dev.stoa.access.granted", "dev.stoa.access.revoked",
			"dev.stoa.alert.received", "dev.stoa.input.asked", "dev.stoa.gate.refused",
		} {
			brought = append(brought, event.Event{ID: kind, Source: "https://old", Type: kind, Actor: "user/ann", Team: "payments", Capability: "logs",
				Time: time.Now().AddDate(0, -1, 0), Extensions: map[string]string{event.ExtCount: "3"}})
		}
		outcomes, err := in.Ingest(t.Context(), root, brought)
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range outcomes {
			if o.Status != event.Accepted {
				t.Errorf("%s: %s", brought[i].Type, o.Status)
			}
		}
		ci := event.Poster{Name: "token/ci", Teams: []string{"payments"}}
		kafka := event.Event{ID: "1", Source: "https://kafka", Type: "org.example.topic.used", Capability: "kafka"}
		if _, err := in.Ingest(t.Context(), ci, []event.Event{kafka}); err != nil {
			t.Errorf("a capability of their own: %v", err)
		}
	})
}

// What a machine says that it did itself is no person's, and the same told again is
// the same.
func TestIngestTellsMachinesFromPeople(t *testing.T) {
	s := open(t, t.TempDir()+"/stoa.db", nil)
	in := event.NewIngester(s, event.IngestOptions{TeamOf: teamOf})
	for id, c := range map[string]struct {
		by    event.Poster
		actor string
		want  string
	}{
		"machine":            {event.Poster{Name: "token/kafka", Bot: true, Teams: []string{"payments"}}, "", "true"},
		"person":             {event.Poster{Name: "user/ann", Teams: []string{"payments"}}, "", ""},
		"machine of another": {event.Poster{Name: "token/history", Bot: true, Platform: true}, "user/ann", ""},
	} {
		ev := event.Event{ID: id, Source: "https://kafka/" + id, Type: "org.example.topic.used", Capability: "kafka", Actor: c.actor, Extensions: map[string]string{"region": "eu"}}
		got, err := in.Ingest(t.Context(), c.by, []event.Event{ev})
		if err != nil {
			t.Fatal(err)
		}
		records, err := s.Events(t.Context(), event.Filter{Seqs: []int64{got[0].Seq}})
		if err != nil || len(records) != 1 || records[0].Extensions[event.ExtBot] != c.want || records[0].Extensions["region"] != "eu" {
			t.Errorf("%s: %+v, %v", id, records, err)
		}
		if got, err = in.Ingest(t.Context(), c.by, []event.Event{ev}); err != nil || got[0].Status != event.Duplicate {
			t.Errorf("%s again: %+v, %v", id, got, err)
		}
	}
}

// A poster's own team is that of what names none and follows from nothing; what
// is known of a service goes before.
func TestIngestFallsBackToThePostersTeam(t *testing.T) {
	s := open(t, t.TempDir()+"/stoa.db", nil)
	in := event.NewIngester(s, event.IngestOptions{TeamOf: teamOf})
	hook := event.Poster{Name: "webhook/alerts", Platform: true, Team: "platform"}
	for _, c := range []struct{ service, team, want string }{
		{"", "", "platform"}, {"unknown", "", "platform"}, {"shop", "", "payments"}, {"shop", "web", "web"},
	} {
		ev := event.Event{ID: "id-" + c.service + c.team, Source: "https://alerts", Type: "x.y", Service: c.service, Team: c.team}
		got, err := in.Ingest(t.Context(), hook, []event.Event{ev})
		if err != nil {
			t.Fatal(err)
		}
		records, err := s.Events(t.Context(), event.Filter{AfterSeq: got[0].Seq - 1, Limit: 1})
		if err != nil || len(records) != 1 || records[0].Team != c.want {
			t.Errorf("service %q, team %q: %+v, %v, want team %s", c.service, c.team, records, err, c.want)
		}
	}
	hook.Team = "web" // a change of the fallback is no change of what was said
	again, err := in.Ingest(t.Context(), hook, []event.Event{{ID: "id-unknown", Source: "https://alerts", Type: "x.y", Service: "unknown"}})
	if err != nil || again[0].Status != event.Duplicate {
		t.Errorf("again: %v, %v", again, err)
	}
}

func TestIngestFillsInWhatFollows(t *testing.T) {
	s := open(t, t.TempDir()+"/stoa.db", nil)
	owner := "payments"
	in := event.NewIngester(s, event.IngestOptions{TeamOf: func(context.Context, string) (string, error) { return owner, nil }})
	ci := event.Poster{Name: "token/ci", Teams: []string{"payments", "web"}}
	deployed := event.Event{ID: "1", Source: "https://ci", Type: "dev.cdevents.service.deployed.0.3.0",
		Data: json.RawMessage(`{"context":{"specversion":"0.5.0"},"subject":{"id":"cluster/ns/shop","content":{"environment":{"id":"env/prod"},"artifactId":"pkg:oci/shop"}}}`)}
	if _, err := in.Ingest(t.Context(), ci, []event.Event{deployed}); err != nil {
		t.Fatal(err)
	}
	records, err := s.Events(t.Context(), event.Filter{Types: []string{"dev.cdevents.service."}})
	if err != nil || len(records) != 1 {
		t.Fatal(records, err)
	}
	r := records[0]
	if r.Service != "shop" || r.Environment != "prod" || r.Team != "payments" || r.Actor != r.Poster || strings.Join(r.Inferred, " ") != "actor service environment team" {
		t.Errorf("record: %+v", r)
	}
	owner = "web" // the service moved: what the sender says again is the same all the same
	got, err := in.Ingest(t.Context(), ci, []event.Event{deployed})
	if err != nil || got[0].Status != event.Duplicate {
		t.Errorf("again: %v, %v", got, err)
	}
	incident := event.Event{ID: "2", Source: "https://ci", Type: "dev.cdevents.incident.detected.0.3.0",
		Data: json.RawMessage(`{"subject":{"id":"inc-1","content":{"service":{"id":"blog"},"environment":{"id":"prod"}}}}`)}
	pipeline := func(id, kind, data string) event.Event {
		return event.Event{ID: id, Source: "https://ci", Type: "dev.cdevents." + kind + ".finished.0.3.0", Data: json.RawMessage(data)}
	}
	for _, c := range []struct{ kind, data, service, environment string }{
		{"pipelinerun", `{"customData":{"service":"shop","environment":"prod"},"subject":{"id":"run-1","content":{"outcome":"failure"}}}`, "shop", "prod"},
		{"pipelinerun", `{"subject":{"id":"run-2","content":{}},"customData":{"service":{"id":"team/shop"}}}`, "shop", ""},
		{"pipelinerun", `{"subject":{"id":"run-3","content":{}},"customData":"c2hvcA=="}`, "", ""},
		{"pipelinerun", `{"subject":{"id":"run-4","content":{}},"customData":{"service":7,"environment":["x"]}}`, "", ""},
		{"build", `{"subject":{"id":"b-1","content":{}},"customData":{"service":"shop"}}`, "", ""},
	} {
		outcomes, err := in.Ingest(t.Context(), ci, []event.Event{pipeline("p"+c.data, c.kind, c.data)})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Events(t.Context(), event.Filter{Seqs: []int64{outcomes[0].Seq}})
		if err != nil || len(got) != 1 || got[0].Service != c.service || got[0].Environment != c.environment {
			t.Errorf("%s: %+v, %v", c.data, got, err)
		}
	}
	if _, err := in.Ingest(t.Context(), event.Poster{Name: "token/other", Teams: []string{"green"}},
		[]event.Event{{ID: "1", Source: "https://other", Type: "dev.cdevents.pipelinerun.finished.0.3.0", Data: json.RawMessage(`{"customData":{"service":"shop"}}`)}}); !problem.Is(err, problem.Forbidden) {
		t.Errorf("a pipeline of another team's service: %v", err)
	}
	odd := event.Event{ID: "3", Source: "https://ci", Type: "dev.cdevents.service.deployed.0.3.0", Data: json.RawMessage(`{"subject":{"id":7}}`)}
	if _, err := in.Ingest(t.Context(), ci, []event.Event{incident, odd}); err != nil {
		t.Fatal(err)
	}
	if records, err = s.Events(t.Context(), event.Filter{Service: "blog"}); err != nil || len(records) != 1 || records[0].Environment != "prod" {
		t.Errorf("incident: %+v, %v", records, err)
	}
}
