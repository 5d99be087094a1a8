package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/event/eventtest"
	"github.com/stoa-platform/stoa/internal/problem"
)

// answer is what the platform says to a request.
type answer struct {
	status int
	body   string
	Status string `json:"status"` // of a webhook, or a problem's number as text
	Kind   string `json:"kind"`
	Title  string `json:"title"`
	Items  []client.Outcome
}

// post sends bytes as they are to an address of the platform.
func (p *platform) post(t *testing.T, path string, header map[string]string, body string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, strings.Replace(p.url, "localhost", "127.0.0.1", 1)+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: response.StatusCode, body: string(raw)}
	var said map[string]json.RawMessage
	if err := json.Unmarshal(raw, &said); err != nil {
		t.Fatalf("%s answers %d %q", path, a.status, raw)
	}
	a.Status = strings.Trim(string(said["status"]), `"`)
	a.Kind = strings.Trim(string(said["kind"]), `"`)
	_ = json.Unmarshal(said["items"], &a.Items)
	if a.status >= 400 && response.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s answers %d as %s", path, a.status, response.Header.Get("Content-Type"))
	}
	return a
}

// tokenOf makes a machine's token for the teams.
func (p *platform) tokenOf(t *testing.T, name string, teams ...string) string {
	t.Helper()
	_, value, err := p.CreateToken(t.Context(), client.NewToken{Name: name, Scopes: []string{"events"}, Teams: teams})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// What comes in over HTTP is taken or refused by what it is, whoever posts it.
func TestIntake(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	if _, err := p.Apply(t.Context(), strings.NewReader("{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: payments}}\n"), "team.yaml", "", false); err != nil {
		t.Fatal(err)
	}
	gone := "{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: greens}}\n---\n{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: gone, owner: greens}}\n"
	if _, err := p.Apply(t.Context(), strings.NewReader(gone), "gone.yaml", "", false); err != nil {
		t.Fatal(err)
	}
	ci, other := p.tokenOf(t, "ci", "payments"), p.tokenOf(t, "other", "payments")
	_, admin, err := p.CreateToken(t.Context(), client.NewToken{Name: "importer", Self: true})
	if err != nil {
		t.Fatal(err)
	}
	ids := 0
	envelope := func(fields string) string {
		ids++
		return fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"https://ci.example","type":"dev.cdevents.build.finished.0.2.0"%s}`, ids, fields)
	}
	as := func(token string) map[string]string {
		return map[string]string{"Authorization": "Bearer " + token, "Content-Type": "application/cloudevents+json"}
	}
	now := time.Now().UTC()
	at := func(t time.Time) string { return `,"time":"` + t.Format(time.RFC3339) + `"` }
	replace := func(old, new string) string { return strings.Replace(envelope(""), old, new, 1) }
	if first := p.post(t, "/events", as(ci), envelope("")); first.status != http.StatusAccepted {
		t.Fatalf("%s", first.body)
	}
	ofGone := func() string { return envelope(`,"service":"gone"`) }
	if got := p.post(t, "/events", as(ci), ofGone()); got.status != 403 {
		t.Errorf("of another team's service: %d %s", got.status, got.body)
	}
	if _, err := p.Delete(t.Context(), "services", "gone", "nobody uses it", false); err != nil {
		t.Fatal(err)
	}
	p.door(t, "pagerduty", "till")
	trigger := strings.NewReplacer("https://ci.example", "https://pagerduty/pagerduty")
	if got := p.post(t, "/events", as(admin), trigger.Replace(envelope(""))); got.status != 202 { // the platform's own
		t.Errorf("%s", got.body)
	}
	twice := envelope("")
	if got := p.post(t, "/events", as(ci), twice); got.status != 202 {
		t.Errorf("%s", got.body)
	}
	for name, c := range map[string]struct {
		token, body string
		status      int
		says        string
	}{
		"twice":                       {ci, twice, 202, "duplicate"},
		"twice, with other words":     {ci, strings.Replace(twice, "finished", "started", 1), 202, "conflict"},
		"without a team or a service": {ci, envelope(""), 202, "accepted"},
		"of a service that is gone":   {ci, ofGone(), 202, "accepted"},
		"a webhook's source":          {ci, trigger.Replace(envelope("")), 403, "of the platform team"},
		"a month late":                {ci, envelope(at(now.AddDate(0, -1, 0))), 202, "accepted"},
		"a clock that is fast":        {ci, envelope(at(now.Add(50 * time.Minute))), 202, "accepted"},
		"from the future":             {ci, envelope(at(now.Add(2 * time.Hour))), 422, "future"},
		"5 MB":                        {ci, envelope(`,"data":"` + strings.Repeat("x", 5<<20) + `"`), 413, "too-large"},
		"an unknown type":             {ci, replace("dev.cdevents.build.finished.0.2.0", "com.example.baked"), 202, "accepted"},
		"a version of a type to come": {ci, replace("finished.0.2.0", "finished.9.0.0"), 202, "accepted"},
		"another version":             {ci, replace(`"1.0"`, `"0.3"`), 422, "specversion"},
		"no version":                  {ci, replace(`"specversion":"1.0",`, ``), 422, "specversion"},
		"a forged source":             {other, envelope(""), 403, "another principal"},
		"a source of Stoa's":          {admin, replace("https://ci.example", "/stoa/delivery"), 403, "/stoa"},
		"a type of Stoa's":            {ci, replace("dev.cdevents.build.finished.0.2.0", "dev.stoa.access.granted"), 403, "platform team"},
		"one that nobody may post":    {admin, replace("dev.cdevents.build.finished.0.2.0", "dev.stoa.release.created"), 403, "dev.stoa"},
		"a capability of Stoa's":      {ci, envelope(`,"capability":"deploy"`), 403, "capability"},
		"one of their own":            {ci, envelope(`,"capability":"kafka"`), 202, "accepted"},
		"another team":                {ci, envelope(`,"team":"platform"`), 403, "team"},
		"no token":                    {"", envelope(""), 401, "unauthenticated"},
		"depth":                       {ci, envelope(`,"data":` + strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000)), 422, "valid JSON"},
	} {
		if got := p.post(t, "/events", as(c.token), c.body); got.status != c.status || !strings.Contains(got.body, c.says) {
			t.Errorf("%s: %d %.300s", name, got.status, got.body)
		}
	}
	// The platform team brings what another platform knows.
	history := strings.NewReplacer("https://ci.example", "https://old.example", "dev.cdevents.build.finished.0.2.0", "dev.stoa.usage.recorded").
		Replace(envelope(`,"capability":"logs","actor":"user/ann","team":"payments","count":7` + at(now.AddDate(-1, 0, 0))))
	if got := p.post(t, "/events", as(admin), history); got.status != 202 || got.Items[0].Status != "accepted" {
		t.Errorf("history: %d %s", got.status, got.body)
	}
	if got := p.post(t, "/events", as(admin), strings.Replace(history, `"count":7`, `"count":-7,"x":"y"`, 1)); got.status != 422 {
		t.Errorf("history that cannot be: %d %s", got.status, got.body)
	}
}

// Every type of CDEvents 0.4 and 0.5, and the project's own conformance files,
// are taken as CloudEvents, in each mode of HTTP, and found again.
func TestCDEventsAreTaken(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	_, token, err := p.CreateToken(t.Context(), client.NewToken{Name: "ci", Self: true})
	if err != nil {
		t.Fatal(err)
	}
	auth := map[string]string{"Authorization": "Bearer " + token}
	with := func(more ...string) map[string]string {
		header := map[string]string{"Authorization": auth["Authorization"]}
		for i := 0; i < len(more); i += 2 {
			header[more[i]] = more[i+1]
		}
		return header
	}
	samples := append(eventtest.Samples(t), eventtest.Conformance(t)...)
	for i, s := range samples {
		source := fmt.Sprintf("https://tools.example/%d", i)
		attributes := fmt.Sprintf(`{"specversion":"1.0","id":"1","source":%q,"type":%q,"datacontenttype":"application/json","data":%s}`, source, s.Type, s.Data)
		for mode, got := range map[string]answer{
			"structured": p.post(t, "/events", with("Content-Type", "application/cloudevents+json"), attributes),
			"binary":     p.post(t, "/events", with("Content-Type", "application/json", "Ce-Specversion", "1.0", "Ce-Id", "2", "Ce-Source", source, "Ce-Type", s.Type), string(s.Data)),
			"batched":    p.post(t, "/events", with("Content-Type", "application/cloudevents-batch+json"), "["+strings.Replace(attributes, `"id":"1"`, `"id":"3"`, 1)+"]"),
		} {
			if got.status != http.StatusAccepted || len(got.Items) != 1 || got.Items[0].Status != "accepted" {
				t.Errorf("%s, %s: %d %s", s.Name, mode, got.status, got.body)
			}
		}
		found, _, err := p.Events(t.Context(), client.EventQuery{Source: source, Types: []string{s.Type}})
		if err != nil || len(found) != 3 {
			t.Errorf("%s: %d found, %v", s.Name, len(found), err)
			continue
		}
		for _, e := range found {
			var kept, sent bytes.Buffer
			if json.Compact(&kept, e.Data) != nil || json.Compact(&sent, s.Data) != nil || kept.String() != sent.String() {
				t.Errorf("%s is kept as %s", s.Name, kept.String())
			}
		}
	}
	t.Logf("%d events", len(samples))
}

// Whoever was quicker to use the source that a host's history has locks nobody of the
// platform team out of it; nobody else takes a source over.
func TestHistoriesTakeSourcesOver(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	asked := p.cast(t)
	event := func(id, actor string) []byte {
		return fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"https://github.com/acme","type":"org.example.done","actor":%q}`, id, actor)
	}
	const one = "application/cloudevents+json"
	if _, err := asked["member"].Post(t.Context(), one, bytes.NewReader(event("1", "user/member"))); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Post(t.Context(), one, bytes.NewReader(event("2", "github/ann"))); !problem.Is(err, problem.Forbidden) || !strings.Contains(strings.Join(problem.From(err).Next, " "), "takeOver=true") {
		t.Errorf("a post that takes nothing over: %v", err)
	}
	_, err := asked["member"].TakeOver(t.Context(), one, bytes.NewReader(event("3", "user/member")))
	if told := problem.From(err); !problem.Is(err, problem.Forbidden) || told.Title != "user/member may not take sources over" || told.Decider != "@platform" ||
		len(told.Next) == 0 || !strings.Contains(told.Next[0], "without takeOver") {
		t.Errorf("one who is not of the platform team takes over: %v, then %q, by %s", err, told.Next, told.Decider)
	}
	history := p.NewPosting(func(n client.NotTaken) { t.Errorf("not taken: %+v", n) })
	if err := errors.Join(history.Add(t.Context(), event("4", "github/ann")), history.Flush(t.Context())); err != nil || history.Sum().Accepted != 1 {
		t.Errorf("a history: %v, %+v", err, history.Sum())
	}
	if _, err := asked["member"].Post(t.Context(), one, bytes.NewReader(event("5", "user/member"))); !problem.Is(err, problem.Forbidden) {
		t.Errorf("who had the source before: %v", err)
	}
}
