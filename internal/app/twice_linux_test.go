package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/history"
	"github.com/stoa-platform/stoa/internal/store"
)

// recording is what a host of repositories answers, as if it had been recorded
// today: its API, and the objects that its webhooks carry.
type recording struct {
	*httptest.Server
	answers map[string]json.RawMessage
	now     time.Time
}

var recordedTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

func replay(t *testing.T, file string) *recording {
	t.Helper()
	raw, err := os.ReadFile("../history/testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	r := &recording{now: time.Now().Truncate(time.Second)}
	shift := r.now.Sub(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC))
	raw = recordedTime.ReplaceAllFunc(raw, func(text []byte) []byte {
		at, err := time.Parse(time.RFC3339, string(text))
		if err != nil {
			t.Fatal(err)
		}
		return []byte(at.Add(shift).UTC().Format(time.RFC3339))
	})
	if err := json.Unmarshal(raw, &r.answers); err != nil {
		t.Fatal(err)
	}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, ok := r.answers[strings.TrimPrefix(q.URL.Path, "/")]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write(body)
	}))
	t.Cleanup(r.Close)
	return r
}

// item gives the item of a recorded list, or of the list in a field of it, whose
// number is so, with more fields at its end.
func (r *recording) item(t *testing.T, list, field string, number int64, more string) string {
	t.Helper()
	raw := r.answers[list]
	var page map[string]json.RawMessage
	if json.Unmarshal(raw, &page) == nil {
		raw = page[field]
		field = "id"
	}
	var items []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		t.Fatal(list, err)
	}
	for _, item := range items {
		if string(item[field]) == fmt.Sprint(number) {
			text, err := json.Marshal(item)
			if err != nil {
				t.Fatal(err)
			}
			return strings.TrimSuffix(string(text), "}") + more + "}"
		}
	}
	t.Fatalf("%s has no %d", list, number)
	return ""
}

// told is a request as a host's webhook sends it.
type told struct{ event, body string }

// githubTold is what GitHub's webhook told of the recorded repository.
func githubTold(t *testing.T, r *recording) []told {
	body := func(parts ...string) string {
		return "{" + strings.Join(append(parts, `"repository": `+r.item(t, "orgs/acme/repos", "id", 101, ""), `"sender": {"login": "ann", "type": "User"}`), ", ") + "}"
	}
	deployment := func(id, status int64) string {
		return body(`"deployment": `+r.item(t, "repos/acme/shop/deployments", "id", id, ""),
			`"deployment_status": `+r.item(t, fmt.Sprintf("repos/acme/shop/deployments/%d/statuses", id), "id", status, ""))
	}
	issue := `"issue": ` + r.item(t, "repos/acme/shop/issues", "number", 41, "")
	return []told{
		{"deployment_status", deployment(12, 13)},
		{"deployment_status", deployment(13, 10)},
		{"workflow_run", body(`"action": "completed"`, `"workflow_run": `+r.item(t, "repos/acme/shop/actions/runs", "workflow_runs", 904, ""))},
		{"pull_request", body(`"action": "closed"`, `"pull_request": `+r.item(t, "repos/acme/shop/pulls", "number", 7, `, "merged": true`))},
		{"issues", body(`"action": "opened"`, issue)},
		{"issues", body(`"action": "closed"`, issue)},
	}
}

// gitlabTold is what GitLab's webhook, which has forms of its own, told.
func gitlabTold(t *testing.T, r *recording) []told {
	body := func(kind, parts string) told {
		return told{kind, `{"object_kind": "` + kind + `", ` + parts + `, "project": {"id": 201, "path_with_namespace": "acme/payments/shop",
			"web_url": "https://gitlab.example.com/acme/payments/shop"}, "user": {"username": "ann"}}`}
	}
	field := func(item, name string) string {
		var all map[string]json.RawMessage
		if err := json.Unmarshal([]byte(item), &all); err != nil {
			t.Fatal(err)
		}
		return string(all[name])
	}
	deployment := func(id int64, status string) told {
		d := r.item(t, "projects/201/deployments", "id", id, "")
		sha := strings.Trim(field(d, "sha"), `"`)
		return body("deployment", fmt.Sprintf(`"status": %q, "status_changed_at": %s, "deployment_id": %d, "environment": "production", "short_sha": %q,
			"commit_url": "https://gitlab.example.com/acme/payments/shop/-/commit/%s"`, status, field(d, "updated_at"), id, sha[:8], sha))
	}
	pipeline := r.item(t, "projects/201/pipelines", "id", 900, "")
	merge := r.item(t, "projects/201/merge_requests", "iid", 7, "")
	issue := r.item(t, "projects/201/issues", "iid", 41, "")
	incident := func(action string) told {
		return body("work_item", `"object_attributes": {"iid": 41, "type": "Incident", "action": "`+action+`", "url": `+field(issue, "web_url")+
			`, "created_at": `+field(issue, "created_at")+`, "closed_at": `+field(issue, "closed_at")+`}`)
	}
	return []told{
		deployment(312, "success"), deployment(313, "failed"),
		body("pipeline", `"object_attributes": {"id": 900, "status": "failed", "sha": `+field(pipeline, "sha")+`, "url": `+field(pipeline, "web_url")+
			`, "created_at": `+field(pipeline, "created_at")+`, "finished_at": `+field(pipeline, "updated_at")+`}`),
		body("merge_request", `"object_attributes": {"iid": 7, "action": "merge", "merge_commit_sha": `+field(merge, "merge_commit_sha")+
			`, "squash_commit_sha": `+field(merge, "squash_commit_sha")+`, "last_commit": {"id": `+field(merge, "sha")+`}, "updated_at": `+field(merge, "merged_at")+`}`),
		incident("open"), incident("close"),
	}
}

// The same deployments, pipelines, changes and incidents, told by a host's webhook
// and read from its history, in whichever order, are what either alone tells.
func TestToldAndReadCountOnce(t *testing.T) {
	t.Parallel()
	for _, host := range []struct {
		sender, file, service string
		told                  func(*testing.T, *recording) []told
		source                func(history.Options, history.Host) history.Source
	}{
		{"github", "github.json", "shop", githubTold, func(o history.Options, h history.Host) history.Source {
			return &history.GitHub{Options: o, Host: h, Org: "acme", IncidentLabel: "incident"}
		}},
		{"gitlab", "gitlab.json", "payments-shop", gitlabTold, func(o history.Options, h history.Host) history.Source {
			return &history.GitLab{Options: o, Host: h, Group: "acme", IncidentLabel: "incident"}
		}},
	} {
		t.Run(host.sender, func(t *testing.T) {
			t.Parallel()
			r := replay(t, host.file)
			var alone map[string]string
			for _, order := range []string{"read", "read, told", "told, read"} {
				p := open(t, "")
				p.door(t, host.sender, host.service)
				var sum client.Posted
				for _, step := range strings.Split(order, ", ") {
					if step == "read" {
						sum = p.importAll(t, r, host.source)
						continue
					}
					for _, q := range host.told(t, r) {
						want := client.PostAccepted
						if order == "read, told" {
							want = client.PostDuplicate
						}
						got := p.post(t, "/webhooks/"+host.sender, hostHeader(host.sender, q), q.body)
						if got.status != http.StatusAccepted || len(got.Items) != 1 || got.Items[0].Status != want {
							t.Errorf("%s: %s %.80s: %d %s, want %s", order, q.event, q.body, got.status, got.body, want)
						}
					}
				}
				if sum.Conflicts+sum.Refused > 0 || order == "told, read" && sum.Duplicates != int64(len(host.told(t, r))) {
					t.Errorf("%s: %+v", order, sum)
				}
				got := p.delivered(t, r.now, host.service)
				if alone == nil {
					alone = got
				}
				for name, want := range alone {
					if got[name] != want {
						t.Errorf("%s: %s is %s, by one teller alone it is %s", order, name, got[name], want)
					}
				}
				p.stop()
			}
		})
	}
}

const hookSecret = "plover-wading-0917"

// door declares a webhook of the sender, of its default source, and whose the
// service is.
func (p *platform) door(t *testing.T, sender, service string) {
	t.Helper()
	doc := `{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: payments}}
---
{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: ` + service + `, owner: payments}}
---
{apiVersion: stoa.dev/v1, kind: Secret, metadata: {name: webhooks, owner: platform}}
---
{apiVersion: stoa.dev/v1, kind: Webhook, metadata: {name: ` + sender + `}, spec: {sender: ` + sender + `, secret: {name: webhooks, key: VALUE}, mapping: {environment: production, team: platform}}}
`
	if _, err := p.Apply(t.Context(), strings.NewReader(doc), "webhooks.yaml", "", false); err != nil {
		t.Fatal(err)
	}
	if err := p.SetSecretValues(t.Context(), "webhooks", map[string]string{"VALUE": hookSecret}); err != nil {
		t.Fatal(err)
	}
}

func hostHeader(sender string, q told) map[string]string {
	if sender == "github" {
		return githubHeader(q.event, hookSecret, q.body)
	}
	return map[string]string{"Content-Type": "application/json", "X-Gitlab-Event": q.event, "X-Gitlab-Token": hookSecret}
}

// importAll reads the recorded history and posts it, as stoa connect does.
func (p *platform) importAll(t *testing.T, r *recording, source func(history.Options, history.Host) history.Source) client.Posted {
	t.Helper()
	state, err := history.OpenState("", 0)
	if err != nil {
		t.Fatal(err)
	}
	sink := &posting{Posting: p.NewPosting(func(n client.NotTaken) { t.Errorf("not taken: %+v", n) })}
	src := source(history.Options{Since: r.now.AddDate(-1, 0, 0), Now: r.now, Environment: "production", State: state}, history.Host{API: r.URL, HTTP: r.Client()})
	repos, err := src.List(t.Context(), sink)
	if err != nil {
		t.Fatal(err)
	}
	for _, repo := range repos {
		if err := src.Read(t.Context(), repo, sink); err != nil {
			t.Fatal(err)
		}
	}
	if err := sink.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return sink.Sum()
}

type posting struct{ *client.Posting }

func (s *posting) Event(ctx context.Context, e event.Event) error {
	raw, err := event.Record{Event: e}.CloudEvent()
	if err != nil {
		return err
	}
	return s.Add(ctx, raw)
}

func (s *posting) Skipped(string, string)    {}
func (s *posting) Waiting(string, time.Time) {}

// caughtUp waits until all summaries are at the ledger's end.
func (p *platform) caughtUp(t *testing.T) {
	t.Helper()
	s, err := store.Open(t.Context(), p.database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	eventually(t, func() error {
		states, err := s.Projections(t.Context())
		for _, state := range states {
			if err == nil && (state.Watermark != state.Head || state.Error != "") {
				err = fmt.Errorf("%s is at %d of %d %s", state.Name, state.Watermark, state.Head, state.Error)
			}
		}
		return err
	})
}

// delivered says how often things happened to a service in the year before.
func (p *platform) delivered(t *testing.T, now time.Time, service string) map[string]string {
	t.Helper()
	got := map[string]string{}
	types := map[string]int{}
	for _, kind := range []string{"service.", "pipelinerun.", "change.", "incident."} {
		for _, e := range p.events(t, client.EventQuery{Types: []string{"dev.cdevents." + kind}, Service: service}) {
			types[strings.Join(strings.Split(e.Type, ".")[2:3], "")]++
		}
	}
	got["events"] = fmt.Sprint(types)
	scope := url.Values{"from": {now.AddDate(-1, 0, 0).Format(time.DateOnly)}, "to": {now.AddDate(0, 0, 1).Format(time.DateOnly)}, "service": {service}}
	p.caughtUp(t)
	for _, name := range []string{"deployment-frequency", "deployment-days", "failed-pipelines", "mttr", "unattributed-incidents"} {
		answer, err := p.Measure(t.Context(), name, scope)
		if err != nil {
			t.Fatal(err)
		}
		point := answer.Points[0]
		value := "none"
		if point.Value != nil {
			value = fmt.Sprintf("%.6g", *point.Value)
		}
		got[name] = fmt.Sprint(value, " of ", point.N, " ", point.Parts["deployments"])
	}
	return got
}
