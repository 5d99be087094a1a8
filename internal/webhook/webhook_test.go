package webhook_test

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"text/template"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/webhook"
)

func registry(t *testing.T) *object.Registry {
	t.Helper()
	r, err := object.NewRegistry(webhook.Kind())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func admit(t *testing.T, text string) (webhook.Webhook, string) {
	t.Helper()
	parsed, err := object.Decode(strings.NewReader(text), "hook.yaml")
	if err != nil {
		t.Fatal(err)
	}
	o, fields := registry(t).AdmitParsed(parsed[0])
	var wrong []string
	for _, f := range fields {
		wrong = append(wrong, f.String())
	}
	var w webhook.Webhook
	if len(fields) == 0 {
		if err := w.From(o); err != nil {
			t.Fatal(err)
		}
	}
	return w, strings.Join(wrong, "; ")
}

func TestWebhookObjects(t *testing.T) {
	const head = "apiVersion: stoa.dev/v1\nkind: Webhook\nmetadata: {name: hook}\nspec:\n"
	got, wrong := admit(t, head+"  sender: gitlab\n  secret: {name: webhooks, key: GITLAB}\n  mapping: {team: platform}\n")
	if wrong != "" || got.Spec.Source != "" { // it follows from what is told
		t.Errorf("%+v, %s", got, wrong)
	}
	if other, wrong := admit(t, head+"  sender: pagerduty\n  secret: {name: webhooks, key: P}\n"); wrong != "" || other.Spec.Source != "https://pagerduty/hook" {
		t.Errorf("%+v, %s", other, wrong)
	}
	raw, err := got.Object()
	if err != nil {
		t.Fatal(err)
	}
	var refs []string
	for _, r := range webhook.Kind().References(raw) {
		refs = append(refs, r.Path+" "+r.Ref.String())
	}
	if strings.Join(refs, ", ") != "spec.secret.name secret/webhooks, spec.mapping.team team/platform" {
		t.Errorf("%v", refs)
	}
	for name, c := range map[string]struct{ spec, field string }{
		"an unknown sender":           {"  sender: jenkins\n  secret: {name: a, key: B}\n", "spec.sender"},
		"no sender":                   {"  secret: {name: a, key: B}\n", "sender"},
		"no secret":                   {"  sender: github\n", "secret"},
		"no key":                      {"  sender: github\n  secret: {name: a}\n", "key"},
		"a source of Stoa's":          {"  sender: github\n  secret: {name: a, key: B}\n  source: /stoa/delivery\n", "spec.source"},
		"a source dressed up":         {"  sender: github\n  secret: {name: a, key: B}\n  source: stoa://x/y\n", "spec.source"},
		"a service that is no name":   {"  sender: github\n  secret: {name: a, key: B}\n  mapping: {services: {acme/a: A_b}}\n", "spec.mapping.services.acme/a"},
		"an environment that is none": {"  sender: github\n  secret: {name: a, key: B}\n  mapping: {environments: {x: Prod}}\n", "spec.mapping.environments.x"},
		"a default that is none":      {"  sender: github\n  secret: {name: a, key: B}\n  mapping: {environment: Prod EU}\n", "spec.mapping.environment"},
		"a field of another name":     {"  sender: github\n  secret: {name: a, key: B}\n  mapping: {service: {}}\n", "service"},
	} {
		if _, wrong := admit(t, head+c.spec); !strings.Contains(wrong, c.field) {
			t.Errorf("%s: %q", name, wrong)
		}
	}
}

var block = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// docs gives the YAML of docs/webhooks.md that holds the text.
func docs(t *testing.T, holds string) string {
	t.Helper()
	raw, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range block.FindAllSubmatch(raw, -1) {
		if bytes.Contains(m[1], []byte(holds)) {
			return string(m[1])
		}
	}
	t.Fatalf("docs/webhooks.md shows no %q", holds)
	return ""
}

func TestDocumentedObjectsAreValid(t *testing.T) {
	_, of, _ := strings.Cut(docs(t, "kind: Webhook"), "---\n")
	if got, wrong := admit(t, of); wrong != "" || got.Spec.Mapping.Services["acme/monolith"] != "shop" {
		t.Errorf("%+v, %s", got, wrong)
	}
	var alertmanager struct {
		Receivers []struct {
			Webhooks []struct {
				Max int `yaml:"max_alerts"`
			} `yaml:"webhook_configs"`
		} `yaml:"receivers"`
	}
	if err := yaml.Unmarshal([]byte(docs(t, "webhook_configs")), &alertmanager); err != nil || alertmanager.Receivers[0].Webhooks[0].Max == 0 {
		t.Errorf("%+v, %v", alertmanager, err)
	}
}

// What Argo CD makes of the documented template, which it renders as Go's
// text/template over the Application, is understood.
func TestDocumentedArgoTemplate(t *testing.T) {
	var config struct {
		Data map[string]string `yaml:"data"`
	}
	if err := yaml.Unmarshal([]byte(docs(t, "template.stoa")), &config); err != nil {
		t.Fatal(err)
	}
	var notification struct {
		Webhook struct {
			Stoa struct {
				Body string `yaml:"body"`
			} `yaml:"stoa"`
		} `yaml:"webhook"`
	}
	if err := yaml.Unmarshal([]byte(config.Data["template.stoa"]), &notification); err != nil {
		t.Fatal(err)
	}
	toJSON := func(v any) (string, error) {
		raw, err := json.Marshal(v)
		return string(raw), err
	}
	body, err := template.New("stoa").Funcs(template.FuncMap{"toJson": toJSON}).Parse(notification.Webhook.Stoa.Body)
	if err != nil {
		t.Fatal(err)
	}
	application := func(source, sync string) map[string]any {
		var app map[string]any
		text := `{"metadata": {"name": "shop \"eu\"", "labels": null}, "spec": {"project": "default", "destination": {"namespace": "shop-prod", "server": "https://k8s.example"}` + source + `},
			"status": {"health": {"status": "Healthy"}, "operationState": {"phase": "Succeeded", "message": "ok", "finishedAt": "2026-10-05T08:15:30Z"` + sync + `}}}`
		if err := json.Unmarshal([]byte(text), &app); err != nil {
			t.Fatal(err)
		}
		return app
	}
	now := func() time.Time { return time.Date(2026, 10, 5, 10, 16, 0, 0, time.FixedZone("CEST", 7200)) }
	render := func(app map[string]any) request {
		var b strings.Builder
		err := body.Execute(&b, map[string]any{"app": app, "context": map[string]string{"argocdUrl": "https://argocd.example"}, "time": map[string]any{"Now": now}})
		if err != nil {
			t.Fatal(err)
		}
		return plain(webhook.ArgoCD, b.String())
	}
	got := translate(t, render(application(`, "source": {"repoURL": "https://git.example/acme/deploy"}`, `, "syncResult": {"revision": "`+sha+`"}`)))
	if len(got.Events) != 1 || got.Events[0].Service != "shop-eu" || got.Events[0].Environment != "production" || got.Recovered == nil || !got.Recovered.At.Equal(now()) {
		t.Errorf("%+v", got)
	}
	// Several sources, and a sync that has no result: still JSON, and told what is missing.
	r := render(application("", ""))
	if !json.Valid([]byte(r.body)) {
		t.Errorf("%s", r.body)
	}
	if _, err := webhook.Translate(spec(webhook.ArgoCD), r.header, []byte(r.body)); err == nil || !strings.Contains(err.Error(), "revision") {
		t.Errorf("%v", err)
	}
}
