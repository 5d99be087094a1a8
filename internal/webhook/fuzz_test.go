package webhook_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/event/eventtest"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/webhook"
)

// nothing is a ledger that keeps nothing: here the door before it is of interest.
type nothing struct{}

func (nothing) AppendEvents(context.Context, string, []event.Event, func(context.Context, event.LedgerTx) error) ([]event.Outcome, error) {
	return nil, nil
}

// only holds a webhook of each sender, by its name.
type only struct{}

func (only) Get(_ context.Context, _, name string) (object.Document, error) {
	w := object.New[webhook.WebhookSpec, struct{}](name, "", spec(name))
	raw, err := json.Marshal(w)
	return object.Document{Kind: "Webhook", Name: name, Bytes: raw}, err
}

func (only) List(context.Context, object.Query) (object.Page, error) { return object.Page{}, nil }

// fuzz holds a translator against what anybody could send who knows the secret:
// it never panics, tells what is wrong as a problem, and whatever it makes is
// the same every time, small, and valid by the CDEvents project's schemas.
func fuzz(f *testing.F, sender string, seeds ...request) {
	for _, r := range seeds {
		f.Add(r.header.Get("X-GitHub-Event"), []byte(r.body))
	}
	f.Add("", []byte(`{"object_kind":"deployment","status":"success"}`))
	f.Add("issues", []byte(strings.Repeat("[", 10_001)))
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		hold(t, sender, http.Header{"X-Github-Event": {name}}, body)
	})
}

// hold checks what must hold of any request.
func hold(t testing.TB, sender string, header http.Header, body []byte) {
	t.Helper()
	got, err := webhook.Translate(spec(sender), header, body)
	if err != nil {
		if !problem.Is(err, problem.Invalid) {
			t.Fatal(err)
		}
		return
	}
	again, err := webhook.Translate(spec(sender), header, body)
	if err != nil || !reflect.DeepEqual(got, again) {
		t.Fatalf("told again it is another: %+v, %v", again, err)
	}
	for _, ev := range got.Events {
		if ev.ID == "" || ev.Time.IsZero() || len(ev.Data) > 64<<10 {
			t.Errorf("%+v", ev)
		}
		if strings.HasPrefix(ev.Type, "dev.cdevents.") {
			eventtest.CDEvent(t, ev)
		}
	}
	if len(got.Events) > event.MaxBatch {
		return
	}
	// What remains to refuse is a time ahead, or a name with odd characters.
	in := event.NewIngester(nothing{}, event.IngestOptions{})
	if _, err := in.Ingest(t.Context(), event.Poster{Name: "webhook/x", Platform: true}, got.Events); err != nil && !problem.Is(err, problem.Invalid) {
		t.Error(err)
	}
}

// TestOddValues puts odd values in the place of those that senders document.
func TestOddValues(t *testing.T) {
	odd := []any{nil, "", " ", "\x00", "\u202e", "a/b", "../..", "%", "%zz", "pkg:", "http://", "https://[::1", "https://x/\x7f", "javascript:1", "2026-13-45T99:00:00Z",
		"0000-00-00T00:00:00Z", "9999-12-31T23:59:59Z", "1969-12-31T23:59:59Z", strings.Repeat("x", 5000), 0, -1, 1.5, 1e300, true, []any{}, []any{nil}, map[string]any{}, map[string]any{"id": "x"}}
	rapid.Check(t, func(r *rapid.T) {
		from := rapid.SampledFrom(everyKind).Draw(r, "request")
		var body any
		if err := json.Unmarshal([]byte(from.body), &body); err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 3).Draw(r, "how many") {
			var value any // a copy: one drawn twice must not hold itself
			copied, _ := json.Marshal(rapid.SampledFrom(odd).Draw(r, "value"))
			_ = json.Unmarshal(copied, &value)
			body = replaced(r, body, value)
		}
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		r.Logf("%s", raw)
		hold(t, from.sender, from.header, raw)
	})
}

// replaced puts the value in the place of one that is drawn.
func replaced(r *rapid.T, node, value any) any {
	switch of := node.(type) {
	case map[string]any:
		if len(of) > 0 && rapid.IntRange(0, 9).Draw(r, "deeper") > 0 {
			key := rapid.SampledFrom(slices.Sorted(maps.Keys(of))).Draw(r, "key")
			of[key] = replaced(r, of[key], value)
			return of
		}
	case []any:
		if len(of) > 0 && rapid.IntRange(0, 9).Draw(r, "deeper") > 0 {
			i := rapid.IntRange(0, len(of)-1).Draw(r, "index")
			of[i] = replaced(r, of[i], value)
			return of
		}
	}
	return value
}

func FuzzGitHub(f *testing.F) {
	fuzz(f, webhook.GitHub, githubDeployment("success", "deploy"), githubDeployment("failure", ""), githubRun("completed", `"failure"`), githubPull("closed", "true"),
		githubIssue("opened", `{"name": "bug"}`, ""), githubIssue("labeled", `{"name": "incident"}`, `, "label": {"name": "incident"}`), github("ping", "{}"))
}

func FuzzGitLab(f *testing.F) {
	fuzz(f, webhook.GitLab, gitlabDeployment("success"), gitlabDeployment("failed"), gitlabPipeline("success", `"2026-10-05 08:20:00 UTC"`), gitlabMerge("merge"),
		gitlabIssue("issue", "Issue", "open", ""), gitlabIssue("work_item", "Incident", "close", ""))
}

func FuzzAlertmanager(f *testing.F) {
	fuzz(f, webhook.Alertmanager, alerts(oneAlert("firing", "page", "x"), oneAlert("resolved", "page", "x")), alerts(oneAlert("firing", "none", "x")))
}

func FuzzPagerDuty(f *testing.F) {
	fuzz(f, webhook.PagerDuty, pagerduty("incident.triggered"), pagerduty("incident.acknowledged"), pagerduty("pagey.ping"))
}

func FuzzArgoCD(f *testing.F) {
	fuzz(f, webhook.ArgoCD, argo("Succeeded", "Healthy", "2026-10-05T08:16:00Z"), argo("Succeeded", "Degraded", "2026-10-07T08:16:00Z"), argo("Error", "Unknown", "2026-10-05T08:16:00Z"))
}

// FuzzSignature holds the check of signatures against headers of any form: only
// the secret opens.
func FuzzSignature(f *testing.F) {
	f.Add("sha256=00", "v1=00,v1=11", "token", "Bearer x", []byte("{}"))
	f.Add("", "", "", "Basic Zm9vOmJhcg==", []byte(""))
	f.Fuzz(func(t *testing.T, github, pagerduty, gitlab, authorization string, body []byte) {
		header := http.Header{"X-Hub-Signature-256": {github}, "X-Pagerduty-Signature": {pagerduty}, "X-Gitlab-Token": {gitlab}, "Authorization": {authorization}}
		d := webhook.NewReceiver(webhook.Options{Values: values{"webhooks/VALUE": secretValue}, Objects: only{}})
		for _, sender := range []string{webhook.GitHub, webhook.PagerDuty, webhook.GitLab, webhook.Alertmanager} {
			if _, err := d.Receive(t.Context(), sender, header, body); !problem.Is(err, problem.Unauthenticated) && !strings.Contains(gitlab+authorization, secretValue) {
				t.Errorf("%s: %v", sender, err)
			}
		}
	})
}
