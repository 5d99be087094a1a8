package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/testenv"
	"github.com/stoa-platform/stoa/internal/webhook"
)

// values are the secrets of these tests.
type values map[string]string

func (v values) Value(_ context.Context, name, key string) ([]byte, error) {
	value, ok := v[name+"/"+key]
	if !ok {
		return nil, problem.New(problem.NotFound, "no value")
	}
	return []byte(value), nil
}

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// door is a receiver on a real ledger, with a webhook of each sender that is
// called as the sender is.
type door struct {
	*webhook.Receiver
	store    *store.Store
	clock    *clock
	values   values
	registry *prometheus.Registry
}

func onBoth(t *testing.T, test func(t *testing.T, d *door)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, openDoor(t, filepath.Join(t.TempDir(), "stoa.db"))) })
	t.Run("postgres", func(t *testing.T) { test(t, openDoor(t, testenv.Postgres(t))) })
}

func openDoor(t *testing.T, url string) *door {
	t.Helper()
	d := &door{clock: &clock{now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}, values: values{"webhooks/VALUE": secretValue}, registry: prometheus.NewRegistry()}
	var err error
	if d.store, err = store.Open(t.Context(), url, store.Options{Clock: d.clock.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.store.Close() })
	for _, sender := range []string{webhook.GitHub, webhook.GitLab, webhook.ArgoCD, webhook.Alertmanager, webhook.PagerDuty} {
		w := object.New[webhook.WebhookSpec, struct{}](sender, "", spec(sender))
		o, err := w.Object()
		if err != nil {
			t.Fatal(err)
		}
		err = d.store.Write(t.Context(), "user/root", func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Put(ctx, o)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	teamOf := func(_ context.Context, service string) (string, error) {
		return map[string]string{"shop": "payments"}[service], nil
	}
	d.Receiver = webhook.NewReceiver(webhook.Options{
		Objects: d.store, Values: d.values, Ledger: d.store, Registerer: d.registry, Clock: d.clock.Now,
		Ingest: event.NewIngester(d.store, event.IngestOptions{Clock: d.clock.Now, TeamOf: teamOf, Capabilities: []string{"deploy"}}),
	})
	return d
}

func (d *door) send(t *testing.T, r request) (webhook.Result, error) {
	t.Helper()
	return d.Receive(t.Context(), r.sender, r.header, []byte(r.body))
}

func (d *door) events(t *testing.T, f event.Filter) []event.Record {
	t.Helper()
	f.Limit = 1000
	records, err := d.store.Events(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

var everyKind = []request{
	githubDeployment("success", "deploy"), githubDeployment("failure", "deploy"), githubRun("completed", `"success"`), githubPull("closed", "true"),
	githubIssue("opened", `{"name": "bug"}`, ""), githubIssue("opened", `{"name": "incident"}`, ""), gitlabDeployment("success"),
	gitlabPipeline("failed", `"2026-10-05 08:20:00 UTC"`), gitlabMerge("merge"), gitlabIssue("issue", "Issue", "open", ""), alerts(oneAlert("firing", "page", "1")),
	pagerduty("incident.triggered"), argo("Succeeded", "Healthy", "2026-10-05T08:16:00Z"),
}

// What a sender told an hour ago, and tells again, is in the ledger once;
// also when it was not the sender who told it again, with another delivery's id.
func TestReplayIsADuplicate(t *testing.T) {
	onBoth(t, func(t *testing.T, d *door) {
		for _, r := range everyKind {
			first, err := d.send(t, r.signed(secretValue))
			if err != nil || first.Status != "accepted" || len(first.Items) == 0 {
				t.Fatalf("%s: %+v, %v", r.body, first, err)
			}
			for _, item := range first.Items {
				if item.Status != event.Accepted {
					t.Errorf("%s: %+v", r.body, item)
				}
			}
			d.clock.Move(time.Hour)
			replay := r.signed(secretValue)
			replay.header.Set("X-GitHub-Delivery", "another")
			again, err := d.send(t, replay)
			if err != nil || len(again.Items) != len(first.Items) {
				t.Fatalf("again: %+v, %v", again, err)
			}
			for i, item := range again.Items {
				if item.Status != event.Duplicate || item.Seq != first.Items[i].Seq {
					t.Errorf("%s again: %+v", r.body, item)
				}
			}
		}
		deployed := d.events(t, event.Filter{Types: []string{"dev.cdevents.service.deployed."}})
		if len(deployed) != 3 {
			t.Fatalf("%d deployments", len(deployed))
		}
		for _, r := range deployed {
			if r.Team != "payments" || r.Capability != "" || r.Extensions[event.ExtBot] != "true" {
				t.Errorf("%+v", r)
			}
		}
		names, err := d.store.Persons(t.Context(), deployed[0].Poster)
		if err != nil || names[deployed[0].Poster] != "webhook/"+webhook.GitHub {
			t.Errorf("posted by %v, %v", names, err)
		}
	})
}

// A request that is not its sender's changes nothing but the counts of such.
func TestForgedRequestsAreRefused(t *testing.T) {
	d := openDoor(t, filepath.Join(t.TempDir(), "stoa.db"))
	before := len(d.events(t, event.Filter{}))
	forged := map[string]request{}
	for _, r := range everyKind {
		forged[r.sender+" by another secret"] = r.signed("another")
		forged[r.sender+" by no secret"] = r.signed("")
		forged[r.sender+" without a header"] = r
		if r.sender == webhook.GitHub || r.sender == webhook.PagerDuty {
			other := r.signed(secretValue)
			other.body += " "
			forged[r.sender+" over other bytes"] = other
		}
	}
	header := func(r request, name, value string) request {
		r.header = r.header.Clone()
		r.header.Set(name, value)
		return r
	}
	pr, alert, page := everyKind[3], everyKind[10], everyKind[11]
	right := pr.signed(secretValue).header.Get("X-Hub-Signature-256")
	forged["GitHub by the old digest"] = header(pr, "X-Hub-Signature", right)
	forged["GitHub without a scheme"] = header(pr, "X-Hub-Signature-256", strings.TrimPrefix(right, "sha256="))
	forged["GitHub with half a digest"] = header(pr, "X-Hub-Signature-256", right[:39])
	forged["GitHub with no digest"] = header(pr, "X-Hub-Signature-256", "sha256=")
	forged["GitHub with odd letters"] = header(pr, "X-Hub-Signature-256", "sha256="+strings.Repeat("zz", 32))
	forged["PagerDuty of another version"] = header(page, "X-PagerDuty-Signature", "v2="+strings.TrimPrefix(right, "sha256="))
	forged["PagerDuty with commas alone"] = header(page, "X-PagerDuty-Signature", ",,,")
	forged["Alertmanager with a word"] = header(alert, "Authorization", secretValue)
	forged["Alertmanager in digest form"] = header(alert, "Authorization", "Digest "+secretValue)
	forged["Alertmanager with an empty password"] = header(alert, "Authorization", "Basic c3RvYTo=")
	for name, r := range forged {
		got, err := d.send(t, r)
		if !problem.Is(err, problem.Unauthenticated) || got.Status != "" || strings.Contains(err.Error(), secretValue) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if after := len(d.events(t, event.Filter{})); after != before {
		t.Fatalf("%d events were written", after-before)
	}
	// Told once for each webhook, however many there were, by the minute.
	if err := d.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	total := 0
	told := d.events(t, event.Filter{Types: []string{webhook.TypeRefused}})
	for _, r := range told {
		var data struct {
			Count   int            `json:"count"`
			Reasons map[string]int `json:"reasons"`
		}
		if err := json.Unmarshal(r.Data, &data); err != nil || len(data.Reasons) == 0 {
			t.Errorf("%s, %v", r.Data, err)
		}
		total += data.Count
	}
	if len(told) != 5 || total != len(forged) {
		t.Errorf("%d events tell of %d refusals, there were %d", len(told), total, len(forged))
	}
	if err := d.Flush(t.Context()); err != nil || len(d.events(t, event.Filter{Types: []string{webhook.TypeRefused}})) != 5 {
		t.Errorf("told again without need: %v", err)
	}
	if n, err := testutil.GatherAndCount(d.registry, "stoa_webhook_requests_total"); err != nil || n != 5 {
		t.Errorf("%d series, %v", n, err)
	}
}

// What cannot be told now is told later, and counted once.
func TestRefusalsAreKeptWhileTheLedgerIsAway(t *testing.T) {
	d := openDoor(t, filepath.Join(t.TempDir(), "stoa.db"))
	forged := everyKind[0].signed("another")
	_, _ = d.send(t, forged)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Flush(gone); err == nil {
		t.Fatal("it was told to nobody")
	}
	_, _ = d.send(t, forged)
	if err := d.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	told := d.events(t, event.Filter{Types: []string{webhook.TypeRefused}})
	if len(told) != 1 || !strings.Contains(string(told[0].Data), `"count":2`) {
		t.Errorf("%+v", told)
	}
}

func TestReceiveTellsWhatIsWrong(t *testing.T) {
	d := openDoor(t, filepath.Join(t.TempDir(), "stoa.db"))
	large := strings.Repeat(" ", webhook.MaxBody+1)
	future := github("deployment_status", strings.ReplaceAll(githubDeployment("success", "deploy").body, "2026-10-05T08:15:30Z", "2026-11-02T11:00:00Z"))
	for name, c := range map[string]struct {
		request request
		kind    problem.Kind
	}{
		"no such webhook": {plain("jenkins", "{}"), problem.NotFound},
		"malformed":       {github("deployment_status", `{"deployment_status": {"state": "success"}}`).signed(secretValue), problem.Invalid},
		"too large":       {github("deployment_status", large).signed(secretValue), problem.TooLarge},
		"from the future": {future.signed(secretValue), problem.Invalid},
	} {
		if _, err := d.send(t, c.request); !problem.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := d.send(t, github("ping", `{"zen": "x"}`).signed(secretValue)); err != nil || got.Status != "ok" {
		t.Errorf("ping: %+v, %v", got, err)
	}
	if got, err := d.send(t, github("star", `{}`).signed(secretValue)); err != nil || got.Status != "ignored" || !strings.Contains(got.Why, "star") {
		t.Errorf("an event that is not kept: %+v, %v", got, err)
	}
	late := github("deployment_status", strings.ReplaceAll(githubDeployment("success", "deploy").body, "2026-10-05T08:15:30Z", "2025-11-02T11:00:00Z"))
	if got, err := d.send(t, late.signed(secretValue)); err != nil || got.Status != "accepted" {
		t.Errorf("a year late: %+v, %v", got, err)
	}
	// Who used the source first does not lock the webhook out.
	add := event.NewIngester(d.store, event.IngestOptions{Clock: d.clock.Now})
	if _, err := add.Ingest(t.Context(), event.Poster{Name: "token/ci"}, []event.Event{{ID: "1", Source: "https://pagerduty/acme", Type: "x.y"}}); err != nil {
		t.Fatal(err)
	}
	if got, err := d.send(t, pagerduty("incident.triggered").signed(secretValue)); err != nil || got.Status != "accepted" {
		t.Errorf("another's source: %+v, %v", got, err)
	}
	if _, err := add.Ingest(t.Context(), event.Poster{Name: "token/ci"}, []event.Event{{ID: "2", Source: "https://pagerduty/acme", Type: "x.y"}}); !problem.Is(err, problem.Forbidden) {
		t.Errorf("who had it: %v", err)
	}
	delete(d.values, "webhooks/VALUE")
	if _, err := d.send(t, everyKind[0].signed(secretValue)); !problem.Is(err, problem.Unavailable) {
		t.Errorf("no secret: %v", err)
	}
	d.values["webhooks/VALUE"] = ""
	if _, err := d.send(t, everyKind[0].signed("")); !problem.Is(err, problem.Unauthenticated) {
		t.Errorf("an empty secret: %v", err)
	}
}

func TestAlertmanagerByPassword(t *testing.T) {
	d := openDoor(t, filepath.Join(t.TempDir(), "stoa.db"))
	r := alerts(oneAlert("firing", "page", ""))
	basic := http.Request{Header: r.header}
	basic.SetBasicAuth("anybody", secretValue)
	if got, err := d.send(t, r); err != nil || len(got.Items) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	if got := d.events(t, event.Filter{Types: []string{"dev.stoa.alert.received"}, Team: "payments"}); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

// A group of more alerts than one transaction takes is taken whole.
func TestManyAlerts(t *testing.T) {
	d := openDoor(t, filepath.Join(t.TempDir(), "stoa.db"))
	var entries []string
	for i := range 700 {
		entries = append(entries, strings.Replace(oneAlert("firing", "page", ""), "c6eadffa33fcdf37", "f"+strings.Repeat("0", i%10)+string(rune('a'+i%26))+time.Duration(i).String(), 1))
	}
	got, err := d.send(t, alerts(entries...).signed(secretValue))
	if err != nil || len(got.Items) != 1400 {
		t.Fatalf("%d events, %v", len(got.Items), err)
	}
}

// Argo CD tells that an application is healthy again, not what was wrong: the
// incidents of it that are open end.
func TestRecoveryEndsOpenIncidents(t *testing.T) {
	onBoth(t, func(t *testing.T, d *door) {
		healthy := func(at string) {
			t.Helper()
			if got, err := d.send(t, argo("Succeeded", "Healthy", at).signed(secretValue)); err != nil {
				t.Fatalf("%+v, %v", got, err)
			}
		}
		degraded := func(at string) {
			t.Helper()
			if got, err := d.send(t, argo("Succeeded", "Degraded", at).signed(secretValue)); err != nil || got.Items[0].Status == event.Conflict {
				t.Fatalf("%+v, %v", got, err)
			}
		}
		resolved := func() []string {
			var subjects []string
			for _, r := range d.events(t, event.Filter{Types: []string{"dev.cdevents.incident.resolved."}}) {
				subjects = append(subjects, r.Subject+" at "+r.Time.Format(time.RFC3339))
			}
			return subjects
		}
		healthy("2026-10-05T08:16:00Z") // the deployment itself ends nothing
		degraded("2026-10-07T03:00:00Z")
		degraded("2026-10-07T03:00:00Z") // told twice
		healthy("2026-10-07T02:00:00Z")  // comes late: it was before
		if got := resolved(); len(got) != 0 {
			t.Fatalf("%v", got)
		}
		healthy("2026-10-07T03:30:00Z")
		healthy("2026-10-07T03:40:00Z")
		degraded("2026-10-08T01:00:00Z")
		healthy("2026-10-08T01:05:00Z")
		want := "monolith/2026-10-07T03:00:00Z at 2026-10-07T03:30:00Z, monolith/2026-10-08T01:00:00Z at 2026-10-08T01:05:00Z"
		if got := strings.Join(resolved(), ", "); got != want {
			t.Errorf("%s", got)
		}
		if n := len(d.events(t, event.Filter{Types: []string{"dev.cdevents.service.deployed."}})); n != 1 {
			t.Errorf("%d deployments", n)
		}
	})
}

// Who opens a ticket is known by a pseudonym, and can be erased with what the
// ticket says.
func TestPersonsElsewhereCanBeErased(t *testing.T) {
	d := openDoor(t, filepath.Join(t.TempDir(), "stoa.db"))
	if _, err := d.send(t, githubIssue("opened", `{"name": "bug"}`, "").signed(secretValue)); err != nil {
		t.Fatal(err)
	}
	ticket := d.events(t, event.Filter{Types: []string{"dev.cdevents.ticket."}})
	if len(ticket) != 1 || !strings.HasPrefix(ticket[0].Actor, "p-") || !strings.Contains(string(ticket[0].Data), "github/mika") {
		t.Fatalf("%d, %s, %s", len(ticket), ticket[0].Actor, ticket[0].Data)
	}
	if err := d.store.ErasePerson(t.Context(), "user/root", "github/mika", store.Traces{}); err != nil {
		t.Fatal(err)
	}
	if ticket = d.events(t, event.Filter{Types: []string{"dev.cdevents.ticket."}}); !ticket[0].Erased {
		t.Errorf("%+v", ticket)
	}
}

func TestRunTellsAtTheEnd(t *testing.T) {
	d := openDoor(t, filepath.Join(t.TempDir(), "stoa.db"))
	ctx, cancel := context.WithCancelCause(t.Context())
	_, _ = d.send(t, everyKind[0].signed("another"))
	done := make(chan struct{})
	go func() { defer close(done); d.Run(ctx) }()
	cancel(errors.New("over"))
	<-done
	if told := d.events(t, event.Filter{Types: []string{webhook.TypeRefused}}); len(told) != 1 {
		t.Errorf("%+v", told)
	}
}
