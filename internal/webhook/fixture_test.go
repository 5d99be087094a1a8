package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/webhook"
)

// secretValue is what the senders of these tests know.
const secretValue = "plover-wading-0917"

// request is what a sender sends.
type request struct {
	sender string
	header http.Header
	body   string
}

func github(event, body string) request {
	return request{webhook.GitHub, http.Header{"X-Github-Event": {event}, "X-Github-Delivery": {"0b989ba4-242f-11e5-81e1-c7b6966d2516"}}, body}
}

func gitlab(kind, body string) request {
	return request{webhook.GitLab, http.Header{"X-Gitlab-Event": {kind + " Hook"}}, body}
}

func plain(sender, body string) request { return request{sender, http.Header{}, body} }

// signed is the request as its sender signs it with the secret.
func (r request) signed(secret string) request {
	r.header = r.header.Clone()
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(r.body))
	digest := hex.EncodeToString(mac.Sum(nil))
	switch r.sender {
	case webhook.GitHub:
		r.header.Set("X-Hub-Signature-256", "sha256="+digest)
	case webhook.PagerDuty:
		r.header.Set("X-PagerDuty-Signature", "v1="+strings.Repeat("0", 64)+",v1="+digest)
	case webhook.GitLab:
		r.header.Set("X-Gitlab-Token", secret)
	default:
		r.header.Set("Authorization", "Bearer "+secret)
	}
	return r
}

// spec is a webhook of the sender with a mapping that uses all of it.
func spec(sender string) webhook.WebhookSpec {
	return webhook.WebhookSpec{
		Sender: sender, Secret: webhook.SecretKey{Name: "webhooks", Key: "VALUE"}, Source: "https://" + sender + "/acme",
		Mapping: webhook.Mapping{
			Services:     map[string]string{"acme/monolith": "shop", "acme/legacy/monolith": "shop", "PSVC42": "shop", "monolith": "shop", "legacy": "shop"},
			Environments: map[string]string{"Production (EU)": "production", "shop-prod": "production", "live": "production"},
			Environment:  "production", Team: "platform",
		},
	}
}

func translate(t testing.TB, r request) webhook.Translation {
	t.Helper()
	got, err := webhook.Translate(spec(r.sender), r.header, []byte(r.body))
	if err != nil {
		t.Fatalf("%s: %v", r.sender, err)
	}
	return got
}

const (
	sha       = "3f1c2ab94d0e5f67a8b9c0d1e2f3a4b5c6d7e8f9"
	repo      = `"repository": {"id": 101, "full_name": "acme/monolith", "html_url": "https://github.com/acme/monolith"}, "sender": {"login": "mika", "type": "User"}`
	otherRepo = `"repository": {"id": 102, "full_name": "acme/Blog.Engine", "html_url": "https://github.com/acme/Blog.Engine"}, "sender": {"login": "keeper[bot]", "type": "Bot"}`
	project   = `"project": {"id": 201, "path_with_namespace": "acme/legacy/monolith", "web_url": "https://gitlab.example/acme/legacy/monolith"}, "user": {"username": "mika"}`
)

func githubDeployment(state, task string) request {
	return github("deployment_status", `{"action": "created", "deployment": {"id": 7001, "sha": "`+sha+`", "ref": "main", "task": "`+task+`", "environment": "Production (EU)"},
		"deployment_status": {"id": 9001, "state": "`+state+`", "environment": "Production (EU)", "description": "ran on runner 4", "target_url": "https://ci.example/runs/1",
		"log_url": "", "created_at": "2026-10-05T08:15:30Z", "updated_at": "2026-10-05T08:15:31Z"}, `+repo+`}`)
}

func githubRun(action, conclusion string) request {
	return github("workflow_run", `{"action": "`+action+`", "workflow_run": {"id": 31, "run_attempt": 2, "name": "tests", "head_branch": "main", "head_sha": "`+sha+`",
		"event": "push", "status": "x", "conclusion": `+conclusion+`, "html_url": "https://github.com/acme/monolith/actions/runs/31",
		"created_at": "2026-10-05T08:00:00Z", "run_started_at": "2026-10-05T08:01:00Z", "updated_at": "2026-10-05T08:09:00Z",
		"head_commit": {"id": "`+sha+`", "timestamp": "2026-10-05T09:58:00+02:00"}}, `+repo+`}`)
}

func githubPull(action, merged string) request {
	return github("pull_request", `{"action": "`+action+`", "number": 12, "pull_request": {"id": 555, "number": 12, "html_url": "https://github.com/acme/Blog.Engine/pull/12",
		"merged": `+merged+`, "merge_commit_sha": "`+sha+`", "created_at": "2026-10-01T10:00:00Z", "closed_at": "2026-10-03T11:00:00Z",
		"merged_at": "2026-10-03T11:00:00Z", "base": {"ref": "trunk"}}, `+otherRepo+`}`)
}

func githubIssue(action, labels, more string) request {
	return github("issues", `{"action": "`+action+`", "issue": {"id": 808, "number": 3, "title": "Nobody can pay", "html_url": "https://github.com/acme/monolith/issues/3",
		"state_reason": "not_planned", "labels": [`+labels+`], "created_at": "2026-10-06T07:00:00Z", "updated_at": "2026-10-06T07:20:00Z", "closed_at": "2026-10-06T09:00:00Z"}`+more+`, `+repo+`}`)
}

func gitlabDeployment(status string) request {
	return gitlab("Deployment", `{"object_kind": "deployment", "status": "`+status+`", "status_changed_at": "2026-10-05 10:15:30 +0200", "deployment_id": 15, "deployable_id": 796,
		"deployable_url": "https://gitlab.example/acme/legacy/monolith/-/jobs/796", "environment": "live", "environment_tier": "production", "short_sha": "3f1c2ab9", "ref": "main",
		"commit_url": "https://gitlab.example/acme/legacy/monolith/-/commit/`+sha+`", "commit_title": "Round up", `+project+`}`)
}

func gitlabPipeline(status, finished string) request {
	return gitlab("Pipeline", `{"object_kind": "pipeline", "object_attributes": {"id": 66, "iid": 3, "name": "nightly", "ref": "main", "sha": "`+sha+`", "source": "schedule",
		"status": "`+status+`", "created_at": "2026-10-05 08:00:00 UTC", "finished_at": `+finished+`, "url": "https://gitlab.example/acme/legacy/monolith/-/pipelines/66"},
		"commit": {"id": "`+sha+`", "timestamp": "2026-10-05T07:30:00+00:00"}, "builds": [{"environment": {"name": "live"}}], `+project+`}`)
}

func gitlabMerge(action string) request {
	return gitlab("Merge Request", `{"object_kind": "merge_request", "object_attributes": {"id": 99, "iid": 4, "action": "`+action+`", "target_branch": "main", "merge_commit_sha": null,
		"last_commit": {"id": "`+sha+`", "timestamp": "2026-10-03T10:00:00Z"}, "created_at": "2026-10-01T10:00:00.000Z", "updated_at": "2026-10-03T11:00:00.000Z",
		"url": "https://gitlab.example/acme/legacy/monolith/-/merge_requests/4"}, `+project+`}`)
}

func gitlabIssue(kind, of, action, more string) request {
	return gitlab("Issue", `{"object_kind": "`+kind+`", "object_attributes": {"id": 301, "iid": 23, "type": "`+of+`", "title": "How do I get a database?", "action": "`+action+`",
		"url": "https://gitlab.example/acme/legacy/monolith/-/issues/23", "created_at": "2026-10-06 07:00:00 UTC", "updated_at": "2026-10-06 08:00:00 UTC", "closed_at": "2026-10-06T08:00:00Z"},
		"labels": [{"id": 1, "title": "Question"}]`+more+`, `+project+`}`)
}

func alerts(entries ...string) request {
	return plain(webhook.Alertmanager, `{"version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "status": "firing", "receiver": "stoa", "groupLabels": {}, "commonLabels": {},
		"commonAnnotations": {}, "externalURL": "https://alerts.example", "alerts": [`+strings.Join(entries, ",")+`]}`)
}

func oneAlert(status, severity, annotation string) string {
	return `{"status": "` + status + `", "labels": {"alertname": "SlowCheckout", "severity": "` + severity + `", "service": "shop", "team": "payments", "namespace": "shop-prod"},
		"annotations": {"summary": "` + annotation + `"}, "startsAt": "2026-10-05T08:15:30.123456789+02:00", "endsAt": "` +
		map[string]string{"firing": "0001-01-01T00:00:00Z", "resolved": "2026-10-05T07:00:00Z"}[status] + `",
		"generatorURL": "https://prometheus.example/graph?g0.expr=up", "fingerprint": "c6eadffa33fcdf37"}`
}

func pagerduty(kind string) request {
	return plain(webhook.PagerDuty, `{"event": {"id": "01DEN4HPBQAAAG05V5QQYBRZMF", "event_type": "`+kind+`", "resource_type": "incident", "occurred_at": "2026-10-05T08:15:30.250Z",
		"agent": null, "client": null, "data": {"id": "PGR0VU2", "type": "incident", "number": 2, "status": "x", "title": "Checkout is slow", "html_url": "https://acme.pagerduty.com/incidents/PGR0VU2",
		"urgency": "high", "service": {"id": "PSVC42", "summary": "Checkout (EU)", "type": "service_reference"}, "priority": null, "assignees": [], "teams": []}}}`)
}

func argo(phase, health, at string) request {
	return plain(webhook.ArgoCD, `{"app": "monolith", "labels": {"stoa.dev/service": "unused"}, "project": "default", "namespace": "shop-prod", "cluster": "https://kubernetes.default.svc",
		"repository": "https://git.example/acme/deploy", "revision": "`+sha+`", "commitTime": "2026-10-05T08:00:00Z", "phase": "`+phase+`", "message": "one or more objects failed",
		"finishedAt": "2026-10-05T08:15:30Z", "health": "`+health+`", "url": "https://argocd.example/applications/monolith", "at": "`+at+`"}`)
}
