package app_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/event/eventtest"
	"github.com/stoa-platform/stoa/internal/problem"
)

const webhooks = `
{apiVersion: stoa.dev/v1, kind: Secret, metadata: {name: webhooks, owner: platform}}
---
{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: payments}}
---
{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: shop, owner: payments}}
---
apiVersion: stoa.dev/v1
kind: Webhook
metadata: {name: github}
spec:
  sender: github
  secret: {name: webhooks, key: GITHUB}
  mapping: {services: {acme/monolith: shop}, environments: {Live: production}, team: platform}
---
apiVersion: stoa.dev/v1
kind: Webhook
metadata: {name: alerts}
spec: {sender: alertmanager, secret: {name: webhooks, key: ALERTS}, source: "https://alerts.example"}
`

const deploymentStatus = `{"action": "created", "deployment": {"id": 7, "sha": "3f1c2ab94d0e5f67a8b9c0d1e2f3a4b5c6d7e8f9", "task": "deploy", "environment": "Live"},
	"deployment_status": {"id": 9, "state": "success", "environment": "Live", "created_at": "2026-03-05T08:15:30Z"},
	"repository": {"id": 101, "full_name": "acme/monolith", "html_url": "https://github.com/acme/monolith"}, "sender": {"login": "mika", "type": "User"}}`

func githubHeader(event, secret, body string) map[string]string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return map[string]string{"Content-Type": "application/json", "X-GitHub-Event": event, "X-GitHub-Delivery": "d1",
		"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil))}
}

// A webhook is declared, gets its secret, and is told things over HTTP: what is
// signed is kept once, all else changes nothing, and each answer says what to do.
func TestWebhook(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	if _, err := p.Apply(t.Context(), strings.NewReader(webhooks), "webhooks.yaml", "", false); err != nil {
		t.Fatal(err)
	}
	send := func(event, secret, body string) answer {
		return p.post(t, "/webhooks/github", githubHeader(event, secret, body), body)
	}
	const secret = "plover-wading-0917"
	if got := send("deployment_status", secret, deploymentStatus); got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "stoa secret set secret/webhooks GITHUB") {
		t.Fatalf("before there is a secret: %d %s", got.status, got.body)
	}
	if err := p.SetSecretValues(t.Context(), "webhooks", map[string]string{"GITHUB": secret, "ALERTS": "another-one-4711"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"accepted", "duplicate", "duplicate"} {
		if got := send("deployment_status", secret, deploymentStatus); got.status != http.StatusAccepted || got.Status != "accepted" || len(got.Items) != 1 || string(got.Items[0].Status) != want {
			t.Fatalf("%d %s, want %s", got.status, got.body, want)
		}
	}
	large := `{"x": "` + strings.Repeat("x", 5<<20) + `"}`
	deep := strings.Repeat(`{"a":`, 500_000)
	for name, c := range map[string]struct {
		got    answer
		status int
		says   string
	}{
		"its test":                       {send("ping", secret, `{"zen": "x"}`), 202, `"ok"`},
		"another event":                  {send("star", secret, `{}`), 202, "event star is none that is kept"},
		"another secret":                 {send("deployment_status", "guess", deploymentStatus), 401, "not from github"},
		"other bytes":                    {p.post(t, "/webhooks/github", githubHeader("deployment_status", secret, deploymentStatus), deploymentStatus+" "), 401, "not from github"},
		"no signature":                   {p.post(t, "/webhooks/github", map[string]string{"X-GitHub-Event": "ping"}, "{}"), 401, "X-Hub-Signature-256"},
		"no signature, though signed in": {p.post(t, "/webhooks/github", map[string]string{"X-GitHub-Event": "ping", "Authorization": "Bearer " + p.tokenOf(t, "t", "payments")}, "{}"), 401, "X-Hub-Signature-256"},
		"another's secret":               {send("deployment_status", "another-one-4711", deploymentStatus), 401, "not from github"},
		"no such webhook":                {p.post(t, "/webhooks/jenkins", nil, "{}"), 404, "not-found"},
		"no name":                        {p.post(t, "/webhooks/", nil, "{}"), 404, "not-found"},
		"an odd name":                    {p.post(t, "/webhooks/..%2f..%2fetc", nil, "{}"), 404, "not-found"},
		"malformed":                      {send("deployment_status", secret, `{"deployment_status": {"state": "success"}}`), 422, "deployment.sha"},
		"no JSON":                        {send("deployment_status", secret, `<xml/>`), 422, "valid JSON"},
		"5 MB and more":                  {send("deployment_status", secret, large), 413, "too-large"},
		"depth":                          {send("deployment_status", secret, deep), 422, "depth"},
		"nothing":                        {send("deployment_status", secret, ""), 400, "invalid"},
		"as a form":                      {send("push", secret, "payload=%7B%7D"), 422, "application/json"},
	} {
		if c.got.status != c.status || !strings.Contains(c.got.body, c.says) {
			t.Errorf("%s: %d %.300s", name, c.got.status, c.got.body)
		}
	}
	alert := `{"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "Slow", "service": "shop", "environment": "production"}, "startsAt": "2026-03-06T08:00:00Z", "fingerprint": "f1"}]}`
	if got := p.post(t, "/webhooks/alerts", map[string]string{"Authorization": "Bearer another-one-4711"}, alert); got.status != 202 || len(got.Items) != 2 {
		t.Errorf("an alert: %d %s", got.status, got.body)
	}

	deployed, _, err := p.Events(t.Context(), client.EventQuery{Source: "https://github.com/acme"})
	if err != nil || len(deployed) != 1 {
		t.Fatalf("%d events, %v", len(deployed), err)
	}
	if e := deployed[0]; e.Service != "shop" || e.Team != "payments" || e.Environment != "production" || e.Capability != "" || e.Poster != "webhook/github" {
		t.Errorf("%+v", e)
	}
	told := p.events(t, client.EventQuery{Source: "https://alerts.example"})
	if len(told) != 2 || told[0].Team != "payments" || told[1].Type != "dev.stoa.alert.received" || told[1].Environment != "production" {
		t.Errorf("%+v", told)
	}
	if numbers := p.numbers(t); !strings.Contains(numbers, `stoa_webhook_requests_total{outcome="refused",webhook="github"} 5`) {
		t.Errorf("the refusals are not counted:\n%s", numbers)
	}
	p.stop() // which tells of what was refused
	p.reopen(t)
	refused, _, err := p.Events(t.Context(), client.EventQuery{Types: []string{"dev.stoa.webhook.refused"}})
	if err != nil || len(refused) != 1 || refused[0].Subject != "webhook/github" || !strings.Contains(string(refused[0].Data), `"count":5`) {
		t.Errorf("%+v, %v", refused, err)
	}
	if got := send("deployment_status", secret, deploymentStatus); len(got.Items) != 1 || got.Items[0].Status != "duplicate" {
		t.Errorf("after a restart: %s", got.body)
	}
	hides(t, "the platform's log", []byte(p.stderr.String()), []string{secret, "another-one-4711"})
}

// Secrets that are of no service are set by those who own them, and are no way
// around a service's.
func TestSecretOfNoService(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	p.up(t, "secretive", "vault", nil)
	if err := p.SetSecrets(t.Context(), "vault", "dev", map[string]string{"FRUIT": "plum"}); err != nil {
		t.Fatal(err)
	}
	doc := "{apiVersion: stoa.dev/v1, kind: Secret, metadata: {name: webhooks, owner: platform}}\n---\n{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: payments}}\n"
	if _, err := p.Apply(t.Context(), strings.NewReader(doc), "secret.yaml", "", false); err != nil {
		t.Fatal(err)
	}
	if err := p.SetSecretValues(t.Context(), "webhooks", map[string]string{"ONE": "1", "TWO": "2"}); err != nil {
		t.Fatal(err)
	}
	if err := p.UnsetSecretValues(t.Context(), "webhooks", []string{"ONE"}); err != nil {
		t.Fatal(err)
	}
	got, err := p.Get(t.Context(), "secrets", "webhooks")
	if err != nil || !strings.Contains(string(got), `"TWO"`) || strings.Contains(string(got), `"ONE"`) {
		t.Errorf("%s, %v", got, err)
	}
	_, value, err := p.CreateToken(t.Context(), client.NewToken{Name: "deployer", Scopes: []string{"deploy"}, Teams: []string{"payments"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		err  error
		kind problem.Kind
	}{
		"a service's":    {p.SetSecretValues(t.Context(), "vault--dev", map[string]string{"A": "1"}), problem.Invalid},
		"none":           {p.SetSecretValues(t.Context(), "nowhere", map[string]string{"A": "1"}), problem.NotFound},
		"an odd key":     {p.SetSecretValues(t.Context(), "webhooks", map[string]string{"a b": "1"}), problem.Invalid},
		"another team's": {p.as(t, value).SetSecretValues(t.Context(), "webhooks", map[string]string{"A": "1"}), problem.Forbidden},
	} {
		if !problem.Is(c.err, c.kind) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
}

// What Stoa's own delivery tells is as valid as what comes from elsewhere.
func TestOwnDeploymentsAreCDEvents(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	p.up(t, "plum", "orange", nil)
	told, _, err := p.Events(t.Context(), client.EventQuery{Types: []string{"dev.cdevents."}})
	if err != nil || len(told) == 0 {
		t.Fatalf("%d events, %v", len(told), err)
	}
	for _, e := range told {
		eventtest.CDEvent(t, event.Event{ID: e.ID, Source: e.Source, Type: e.Type, Time: e.Time, Data: e.Data})
	}
}

// numbers is what the platform tells Prometheus.
func (p *platform) numbers(t *testing.T) string {
	t.Helper()
	response, err := http.Get(strings.Replace(p.url, "localhost", "127.0.0.1", 1) + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
