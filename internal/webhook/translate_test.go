package webhook_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/event/eventtest"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/webhook"
)

// seen is what of an event these tests look at.
type seen struct {
	Kind, ID, Subject, Where, At string
	Team, Actor                  string
	Has                          map[string]string // fields of the payload, by their paths
}

func see(t *testing.T, ev event.Event, fields map[string]string) seen {
	t.Helper()
	kind := strings.TrimPrefix(ev.Type, "dev.cdevents.")
	if i := strings.LastIndex(kind, ".0."); i > 0 {
		kind = kind[:i]
	}
	s := seen{Kind: kind, ID: ev.ID, Subject: ev.Subject, Where: ev.Service + " in " + ev.Environment, At: ev.Time.Format(time.RFC3339Nano), Team: ev.Team, Actor: ev.Actor}
	var data any
	if err := json.Unmarshal(ev.Data, &data); err != nil {
		t.Fatal(err)
	}
	for path := range fields {
		node := data
		for part := range strings.SplitSeq(path, ".") {
			of, _ := node.(map[string]any)
			node = of[part]
		}
		if s.Has == nil {
			s.Has = map[string]string{}
		}
		s.Has[path] = ""
		if node != nil {
			s.Has[path] = fmt.Sprint(node)
		}
	}
	return s
}

func TestTranslate(t *testing.T) {
	const commit = "customData.commit"
	for name, c := range map[string]struct {
		request request
		want    []seen
	}{
		"GitHub: a deployment": {githubDeployment("success", "deploy"), []seen{{
			Kind: "service.deployed", ID: "101/deployment/7001", Subject: "shop", Where: "shop in production", At: "2026-10-05T08:15:30Z",
			Has: map[string]string{commit: sha, "customData.release": "7001", "customData.cause": "", "subject.id": "shop", "subject.content.environment.id": "production",
				"subject.content.artifactId": "pkg:github/acme/monolith@" + sha}}}},
		"GitHub: a rollback": {githubDeployment("success", "rollback"), []seen{{
			Kind: "service.rolledback", ID: "101/deployment/7001", Subject: "shop", Where: "shop in production", At: "2026-10-05T08:15:30Z", Has: map[string]string{"customData.cause": "rollback"}}}},
		"GitHub: a failed deployment": {githubDeployment("failure", "deploy"), []seen{{
			Kind: "pipelinerun.finished", ID: "101/deployment/7001/failed", Subject: "deployment/7001", Where: "shop in production", At: "2026-10-05T08:15:30Z",
			Has: map[string]string{"subject.content.outcome": "failure", "subject.content.errors": "ran on runner 4", "subject.content.uri": "https://ci.example/runs/1",
				"customData.service": "shop", "customData.environment": "production", commit: sha}}}},
		"GitHub: a broken deployment": {githubDeployment("error", "deploy"), []seen{{
			Kind: "pipelinerun.finished", ID: "101/deployment/7001/failed", Subject: "deployment/7001", Where: "shop in production", At: "2026-10-05T08:15:30Z", Has: map[string]string{"subject.content.outcome": "error"}}}},
		"GitHub: a run waits": {githubRun("requested", "null"), []seen{{
			Kind: "pipelinerun.queued", ID: "101/run/31/2/queued", Subject: "workflow_run/31", Where: "shop in ", At: "2026-10-05T08:01:00Z"}}},
		"GitHub: a run begins": {githubRun("in_progress", "null"), []seen{{
			Kind: "pipelinerun.started", ID: "101/run/31/2/started/2026-10-05T08:09:00Z", Subject: "workflow_run/31", Where: "shop in ", At: "2026-10-05T08:09:00Z"}}},
		"GitHub: a run fails": {githubRun("completed", `"timed_out"`), []seen{{
			Kind: "pipelinerun.finished", ID: "101/run/31/2", Subject: "workflow_run/31", Where: "shop in ", At: "2026-10-05T08:09:00Z",
			Has: map[string]string{"subject.content.outcome": "failure", "subject.content.pipelineName": "tests", commit: sha, "customData.commitTime": "2026-10-05T07:58:00Z", "customData.environment": ""}}}},
		"GitHub: a run is cancelled": {githubRun("completed", `"cancelled"`), []seen{{
			Kind: "pipelinerun.finished", ID: "101/run/31/2", Subject: "workflow_run/31", Where: "shop in ", At: "2026-10-05T08:09:00Z",
			Has: map[string]string{"subject.content.outcome": "cancel"}}}},
		"GitHub: a change": {githubPull("opened", "false"), []seen{{
			Kind: "change.created", ID: "102/change/12/created", Subject: "acme/Blog.Engine#12", Where: "blog-engine in ", At: "2026-10-01T10:00:00Z", Has: map[string]string{commit: ""}}}},
		"GitHub: a merge": {githubPull("closed", "true"), []seen{{
			Kind: "change.merged", ID: "102/change/12/merged", Subject: "acme/Blog.Engine#12", Where: "blog-engine in ", At: "2026-10-03T11:00:00Z",
			Has: map[string]string{commit: sha, "customData.branch": "trunk", "customData.firstCommitTime": "", "subject.content.repository.id": "acme/Blog.Engine"}}}},
		"GitHub: an abandoned change": {githubPull("closed", "false"), []seen{{
			Kind: "change.abandoned", ID: "102/change/12/abandoned/1791025200", Subject: "acme/Blog.Engine#12", Where: "blog-engine in ", At: "2026-10-03T11:00:00Z"}}},
		"GitHub: a ticket": {githubIssue("opened", `{"name": "Feature Request"}, {"name": "later"}`, ""), []seen{{
			Kind: "ticket.created", ID: "101/issue/3/ticket", Subject: "acme/monolith#3", Where: "shop in ", At: "2026-10-06T07:00:00Z", Actor: "github/mika",
			Has: map[string]string{"subject.content.summary": "Nobody can pay", "subject.content.ticketType": "feature", "subject.content.creator": "github/mika", "subject.content.labels": "[Feature Request later]"}}}},
		"GitHub: a ticket of a type": {github("issues", strings.Replace(githubIssue("opened", "", "").body, `"title"`, `"type": {"name": "Bug"}, "title"`, 1)), []seen{{
			Kind: "ticket.created", ID: "101/issue/3/ticket", Subject: "acme/monolith#3", Where: "shop in ", At: "2026-10-06T07:00:00Z", Actor: "github/mika",
			Has: map[string]string{"subject.content.ticketType": "bug", "subject.content.labels": ""}}}},
		"GitHub: a ticket that nobody works on": {githubIssue("closed", `{"name": "bug"}`, ""), []seen{{
			Kind: "ticket.closed", ID: "101/issue/3/closed/1791277200", Subject: "acme/monolith#3", Where: "shop in ", At: "2026-10-06T09:00:00Z", Actor: "github/mika",
			Has: map[string]string{"subject.content.resolution": "withdrawn", "subject.content.ticketType": "bug"}}}},
		"GitHub: an incident": {githubIssue("opened", `{"name": "Incident"}`, ""), []seen{{
			Kind: "incident.reported", ID: "101/issue/3/reported", Subject: "acme/monolith#3", Where: "shop in production", At: "2026-10-06T07:00:00Z",
			Has: map[string]string{"subject.content.ticketURI": "https://github.com/acme/monolith/issues/3", "subject.content.service.id": "shop"}}}},
		"GitHub: an issue becomes an incident": {githubIssue("labeled", `{"name": "incident"}`, `, "label": {"name": "incident"}`), []seen{{
			Kind: "incident.reported", ID: "101/issue/3/reported", Subject: "acme/monolith#3", Where: "shop in production", At: "2026-10-06T07:00:00Z"}}},
		"GitHub: an incident goes on": {githubIssue("reopened", `{"name": "incident"}`, ""), []seen{{
			Kind: "incident.detected", ID: "101/issue/3/reopened/1791271200", Subject: "acme/monolith#3", Where: "shop in production", At: "2026-10-06T07:20:00Z"}}},
		"GitHub: an incident ends": {githubIssue("closed", `{"name": "incident"}`, ""), []seen{{
			Kind: "incident.resolved", ID: "101/issue/3/resolved/1791277200", Subject: "acme/monolith#3", Where: "shop in production", At: "2026-10-06T09:00:00Z"}}},
		"GitHub: a release": {github("release", `{"action": "published", "release": {"id": 44, "tag_name": "v1.2.0", "html_url": "https://github.com/acme/monolith/releases/v1.2.0",
			"created_at": "2026-10-01T00:00:00Z", "published_at": "2026-10-02T00:00:00Z"}, `+repo+`}`), []seen{{
			Kind: "service.published", ID: "101/release/44/published", Subject: "shop", Where: "shop in ", At: "2026-10-02T00:00:00Z", Has: map[string]string{"customData.version": "v1.2.0"}}}},

		"GitLab: a deployment": {gitlabDeployment("success"), []seen{{
			Kind: "service.deployed", ID: "201/deployment/15", Subject: "shop", Where: "shop in production", At: "2026-10-05T08:15:30Z",
			Has: map[string]string{commit: sha, "customData.release": "15", "subject.content.artifactId": "pkg:gitlab/acme/legacy/monolith@" + sha}}}},
		"GitLab: a failed deployment": {gitlabDeployment("failed"), []seen{{
			Kind: "pipelinerun.finished", ID: "201/deployment/15/failed", Subject: "deployment/15", Where: "shop in production", At: "2026-10-05T08:15:30Z",
			Has: map[string]string{"subject.content.outcome": "failure", "customData.environment": "production"}}}},
		"GitLab: a pipeline begins": {gitlabPipeline("running", "null"), []seen{{
			Kind: "pipelinerun.started", ID: "201/pipeline/66/running", Subject: "pipeline/66", Where: "shop in ", At: "2026-10-05T08:00:00Z"}}},
		"GitLab: a pipeline waits": {gitlabPipeline("pending", "null"), []seen{{
			Kind: "pipelinerun.queued", ID: "201/pipeline/66/pending", Subject: "pipeline/66", Where: "shop in ", At: "2026-10-05T08:00:00Z"}}},
		"GitLab: a pipeline ends": {gitlabPipeline("success", `"2026-10-05 08:20:00 UTC"`), []seen{{
			Kind: "pipelinerun.finished", ID: "201/pipeline/66/success", Subject: "pipeline/66", Where: "shop in ", At: "2026-10-05T08:20:00Z",
			Has: map[string]string{"subject.content.outcome": "success", commit: sha, "customData.commitTime": "2026-10-05T07:30:00Z"}}}},
		"GitLab: a change": {gitlabMerge("open"), []seen{{
			Kind: "change.created", ID: "201/change/4/created", Subject: "acme/legacy/monolith!4", Where: "shop in ", At: "2026-10-01T10:00:00Z"}}},
		"GitLab: a merge": {gitlabMerge("merge"), []seen{{
			Kind: "change.merged", ID: "201/change/4/merged", Subject: "acme/legacy/monolith!4", Where: "shop in ", At: "2026-10-03T11:00:00Z", Has: map[string]string{commit: sha}}}},
		"GitLab: an abandoned change": {gitlabMerge("close"), []seen{{
			Kind: "change.abandoned", ID: "201/change/4/abandoned/1791025200", Subject: "acme/legacy/monolith!4", Where: "shop in ", At: "2026-10-03T11:00:00Z"}}},
		"GitLab: a ticket": {gitlabIssue("issue", "Issue", "open", ""), []seen{{
			Kind: "ticket.created", ID: "201/issue/23/ticket", Subject: "acme/legacy/monolith#23", Where: "shop in ", At: "2026-10-06T07:00:00Z", Actor: "gitlab/mika",
			Has: map[string]string{"subject.content.ticketType": "question"}}}},
		"GitLab: an incident": {gitlabIssue("work_item", "Incident", "open", ""), []seen{{
			Kind: "incident.reported", ID: "201/issue/23/reported", Subject: "acme/legacy/monolith#23", Where: "shop in production", At: "2026-10-06T07:00:00Z"}}},
		"GitLab: an incident ends": {gitlabIssue("incident", "", "close", ""), []seen{{
			Kind: "incident.resolved", ID: "201/issue/23/resolved/1791273600", Subject: "acme/legacy/monolith#23", Where: "shop in production", At: "2026-10-06T08:00:00Z"}}},
		"GitLab: an issue becomes an incident": {gitlabIssue("issue", "Issue", "update", `, "labels": [{"title": "incident"}], "changes": {"labels": {"previous": [], "current": [{"title": "Incident"}]}}`), []seen{{
			Kind: "incident.reported", ID: "201/issue/23/reported", Subject: "acme/legacy/monolith#23", Where: "shop in production", At: "2026-10-06T07:00:00Z"}}},
		"GitLab: a release": {gitlab("Release", `{"object_kind": "release", "id": 5, "action": "create", "tag": "v2", "url": "https://gitlab.example/r/v2", "created_at": "2026-10-02 12:00:00 UTC",
			"released_at": "2027-01-01 00:00:00 UTC", "commit": {"id": "`+sha+`"}, `+project+`}`), []seen{{
			Kind: "service.published", ID: "201/release/v2/published", Subject: "shop", Where: "shop in ", At: "2026-10-02T12:00:00Z", Has: map[string]string{commit: sha, "customData.version": "v2"}}}},

		"Alertmanager: an alert": {alerts(oneAlert("firing", "page", "p99 is 3.1 s")), []seen{
			{Kind: "incident.detected", ID: "c6eadffa33fcdf37/2026-10-05T06:15:30.123456789Z/detected", Subject: "c6eadffa33fcdf37/2026-10-05T06:15:30.123456789Z",
				Where: "shop in production", At: "2026-10-05T06:15:30.123456Z", Team: "payments",
				Has: map[string]string{"subject.content.description": "SlowCheckout", "subject.content.service.id": "shop", "subject.content.environment.id": "production"}},
			{Kind: "dev.stoa.alert.received", ID: "c6eadffa33fcdf37/2026-10-05T06:15:30.123456789Z/received", Subject: "c6eadffa33fcdf37/2026-10-05T06:15:30.123456789Z",
				Where: "shop in production", At: "2026-10-05T06:15:30.123456Z", Team: "payments", Has: map[string]string{"alert": "SlowCheckout", "severity": "page"}}}},
		"Alertmanager: all is well": {alerts(oneAlert("firing", "none", "")), []seen{{
			Kind: "dev.stoa.alert.received", ID: "c6eadffa33fcdf37/2026-10-05T06:15:30.123456789Z/received", Subject: "c6eadffa33fcdf37/2026-10-05T06:15:30.123456789Z",
			Where: "shop in production", At: "2026-10-05T06:15:30.123456Z", Team: "payments"}}},
		"Alertmanager: an alert ends": {alerts(oneAlert("resolved", "page", "")), []seen{{
			Kind: "incident.resolved", ID: "c6eadffa33fcdf37/2026-10-05T06:15:30.123456789Z/resolved/2026-10-05T07:00:00Z", Subject: "c6eadffa33fcdf37/2026-10-05T06:15:30.123456789Z",
			Where: "shop in production", At: "2026-10-05T07:00:00Z", Team: "payments"}}},

		"PagerDuty: an incident": {pagerduty("incident.triggered"), []seen{{
			Kind: "incident.detected", ID: "01DEN4HPBQAAAG05V5QQYBRZMF", Subject: "PGR0VU2", Where: "shop in production", At: "2026-10-05T08:15:30.25Z",
			Has: map[string]string{"subject.content.description": "Checkout is slow", "customData.urgency": "high"}}}},
		"PagerDuty: somebody looks": {pagerduty("incident.acknowledged"), []seen{{
			Kind: "incident.reported", ID: "01DEN4HPBQAAAG05V5QQYBRZMF", Subject: "PGR0VU2", Where: "shop in production", At: "2026-10-05T08:15:30.25Z"}}},
		"PagerDuty: an incident goes on": {pagerduty("incident.reopened"), []seen{{
			Kind: "incident.detected", ID: "01DEN4HPBQAAAG05V5QQYBRZMF", Subject: "PGR0VU2", Where: "shop in production", At: "2026-10-05T08:15:30.25Z"}}},
		"PagerDuty: an incident ends": {pagerduty("incident.resolved"), []seen{{
			Kind: "incident.resolved", ID: "01DEN4HPBQAAAG05V5QQYBRZMF", Subject: "PGR0VU2", Where: "shop in production", At: "2026-10-05T08:15:30.25Z"}}},

		"Argo CD: a deployment": {argo("Succeeded", "Healthy", "2026-10-05T08:16:00Z"), []seen{{
			Kind: "service.deployed", ID: "deployed/monolith/" + sha + "/2026-10-05T08:15:30Z", Subject: "shop", Where: "shop in production", At: "2026-10-05T08:15:30Z",
			Has: map[string]string{commit: sha, "customData.commitTime": "2026-10-05T08:00:00Z", "subject.content.artifactId": "pkg:generic/monolith@" + sha}}}},
		"Argo CD: a failed sync": {argo("Failed", "Healthy", "2026-10-05T08:16:00Z"), []seen{{
			Kind: "pipelinerun.finished", ID: "sync/monolith/" + sha + "/2026-10-05T08:15:30Z/failed", Subject: "sync/monolith/" + sha + "/2026-10-05T08:15:30Z",
			Where: "shop in production", At: "2026-10-05T08:15:30Z", Has: map[string]string{"subject.content.outcome": "failure", "customData.service": "shop"}}}},
		"Argo CD: a rollout that does not settle": {argo("Succeeded", "Degraded", "2026-10-05T08:30:00Z"), []seen{{
			Kind: "pipelinerun.finished", ID: "degraded/monolith/" + sha + "/2026-10-05T08:15:30Z", Subject: "sync/monolith/" + sha + "/2026-10-05T08:15:30Z",
			Where: "shop in production", At: "2026-10-05T08:15:30Z", Has: map[string]string{"subject.content.outcome": "failure"}}}},
		"Argo CD: trouble long after": {argo("Succeeded", "Degraded", "2026-10-07T03:00:00Z"), []seen{{
			Kind: "incident.detected", ID: "incident/monolith/2026-10-07T03:00:00Z", Subject: "monolith/2026-10-07T03:00:00Z", Where: "shop in production", At: "2026-10-07T03:00:00Z",
			Has: map[string]string{commit: sha}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := translate(t, c.request)
			if len(got.Events) != len(c.want) {
				t.Fatalf("%d events (%s), want %d", len(got.Events), got.Ignored, len(c.want))
			}
			for i, ev := range got.Events {
				if diff := cmp.Diff(c.want[i], see(t, ev, c.want[i].Has)); diff != "" {
					t.Error(diff)
				}
				if ev.Source != "https://"+c.request.sender+"/acme" || ev.Capability != "" || (ev.Actor == "") != (ev.Extensions["bot"] == "true") {
					t.Errorf("%+v", ev)
				}
				if strings.HasPrefix(ev.Type, "dev.cdevents.") {
					eventtest.CDEvent(t, ev)
				}
			}
			if again := translate(t, c.request); !reflect.DeepEqual(again, got) {
				t.Errorf("told again it is another: %+v", again)
			}
		})
	}
}

// Without a mapping, names are what they are there, written as names are here;
// what has no name gets none.
func TestTranslateWithoutMapping(t *testing.T) {
	unmapped := func(r request) webhook.WebhookSpec {
		return webhook.WebhookSpec{Sender: r.sender, Source: "https://x/y"}
	}
	for name, c := range map[string]struct {
		request       request
		service, env  string
		environmentID string
	}{
		"GitHub":              {githubDeployment("success", "deploy"), "monolith", "production-eu", "production-eu"},
		"GitHub, an incident": {githubIssue("opened", `{"name": "incident"}`, ""), "monolith", "", "(unknown)"},
		"GitLab":              {gitlabDeployment("success"), "legacy-monolith", "live", "live"},
		"Alertmanager":        {alerts(oneAlert("firing", "page", "")), "shop", "", "(unknown)"},
		"PagerDuty":           {pagerduty("incident.triggered"), "checkout-eu", "", "(unknown)"},
		"Argo CD":             {argo("Succeeded", "Healthy", "2026-10-05T08:16:00Z"), "unused", "shop-prod", "shop-prod"},
	} {
		got, err := webhook.Translate(unmapped(c.request), c.request.header, []byte(c.request.body))
		if err != nil || len(got.Events) == 0 {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		ev := got.Events[0]
		eventtest.CDEvent(t, ev)
		id := see(t, ev, map[string]string{"subject.content.environment.id": ""}).Has["subject.content.environment.id"]
		if ev.Service != c.service || ev.Environment != c.env || id != c.environmentID {
			t.Errorf("%s: service %q, environment %q (%s)", name, ev.Service, ev.Environment, id)
		}
	}
}

// The source of what a host tells is the owner's of the repository, whichever
// webhook it comes through; a webhook may be given another.
func TestSourceIsTheOwners(t *testing.T) {
	for name, c := range map[string]struct {
		request request
		given   string
		want    string // "" is refused
	}{
		"GitHub":                       {githubDeployment("success", "deploy"), "", "https://github.com/acme"},
		"GitHub, another name":         {githubPull("closed", "true"), "", "https://github.com/acme"},
		"GitLab, a project in a group": {gitlabDeployment("success"), "", "https://gitlab.example/acme"},
		"given":                        {gitlabDeployment("success"), "https://x/y", "https://x/y"},
		"without a page":               {github("deployment_status", strings.Replace(githubDeployment("success", "deploy").body, "html_url", "x", 1)), "", ""},
		"the page of another":          {github("deployment_status", strings.Replace(githubDeployment("success", "deploy").body, "com/acme", "com/evil", 1)), "", ""},
	} {
		spec := webhook.WebhookSpec{Sender: c.request.sender, Source: c.given}
		got, err := webhook.Translate(spec, c.request.header, []byte(c.request.body))
		switch {
		case c.want == "":
			if !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "html_url") {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		case err != nil || len(got.Events) != 1 || got.Events[0].Source != c.want:
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// What Stoa does not keep is ignored, with the reason, and is no error.
func TestTranslateIgnores(t *testing.T) {
	for name, r := range map[string]request{
		"an event of GitHub":           github("watch", `{"action": "started"}`),
		"one whose fields have others": github("label", `{"action": "created", "label": "text", "release": 7}`),
		"a deployment under way":       githubDeployment("in_progress", "deploy"),
		"one that is replaced":         githubDeployment("inactive", "deploy"),
		"a run that was skipped":       githubRun("completed", `"skipped"`),
		"a push to a change":           githubPull("synchronize", "false"),
		"a pinned issue":               githubIssue("pinned", "", ""),
		"an incident that is edited":   githubIssue("edited", `{"name": "incident"}`, ""),
		"a kind of GitLab":             gitlab("Push", `{"object_kind": "push", "environment": {"name": "x"}}`),
		"a job of GitLab":              gitlab("Job", `{"object_kind": "build", "environment": {"name": "x"}}`),
		"a task of GitLab":             gitlabIssue("work_item", "Task", "open", ""),
		"an approval":                  gitlabMerge("approved"),
		"a deployment that runs":       gitlabDeployment("running"),
		"a manual pipeline":            gitlabPipeline("manual", "null"),
		"another version":              plain(webhook.Alertmanager, `{"version": "5", "alerts": []}`),
		"a note at an incident":        pagerduty("incident.annotated"),
		"an application on its way":    argo("Succeeded", "Progressing", "2026-10-05T08:16:00Z"),
	} {
		if got := translate(t, r); len(got.Events) > 0 || got.Ignored == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for name, r := range map[string]request{"GitHub's ping": github("ping", `{"zen": "x", "hook_id": 1}`), "PagerDuty's": pagerduty("pagey.ping")} {
		if got := translate(t, r); len(got.Events) > 0 || got.Ignored != "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestTranslateRefuses(t *testing.T) {
	deep := strings.Repeat(`{"deployment":`, 100_000)
	for name, c := range map[string]struct {
		request request
		says    string
	}{
		"no JSON":                     {github("deployment_status", `nope`), "valid JSON"},
		"nothing":                     {github("deployment_status", ``), "valid JSON"},
		"an open end":                 {github("deployment_status", `{"action":`), "valid JSON"},
		"a form":                      {github("push", `payload=%7B%7D`), "a form"},
		"no event header":             {plain(webhook.GitHub, `{}`), "X-GitHub-Event"},
		"depth":                       {github("deployment_status", deep), "depth"},
		"depth in a field unread":     {gitlab("Deployment", `{"object_kind":"deployment","x":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+`}`), "depth"},
		"an array":                    {plain(webhook.Alertmanager, `[]`), "array"},
		"a text for a number":         {github("deployment_status", `{"deployment": {"id": "seven"}}`), "deployment.id"},
		"an odd time":                 {github("workflow_run", `{"workflow_run": {"updated_at": "yesterday"}}`), "yesterday"},
		"a deployment of nothing":     {github("deployment_status", `{"deployment_status": {"state": "success"}}`), "deployment.sha"},
		"a merge without a commit":    {github("pull_request", `{"action": "closed", "pull_request": {"merged": true}}`), "merge_commit_sha"},
		"a run without an address":    {github("workflow_run", `{"action": "requested", "workflow_run": {"id": 1}}`), "html_url"},
		"an address that is none":     {github("issues", `{"action": "opened", "issue": {"id": 1, "number": 1, "html_url": "javascript:alert(1)"}}`), "issue.html_url"},
		"no kind":                     {gitlab("x", `{}`), "object_kind"},
		"a deployment without commit": {gitlab("Deployment", `{"object_kind": "deployment", "status": "success"}`), "short_sha"},
		"no alerts":                   {alerts(), "alerts"},
		"an alert without a start":    {alerts(`{"status": "firing", "labels": {"alertname": "A"}, "fingerprint": "f"}`), "alerts[0].startsAt"},
		"an alert of no status":       {alerts(`{"labels": {"alertname": "A"}, "fingerprint": "f", "startsAt": "2026-10-05T08:15:30Z"}`), "alerts[0].status"},
		"labels that are numbers":     {alerts(`{"labels": {"alertname": 1}}`), "labels"},
		"no event":                    {plain(webhook.PagerDuty, `{}`), "event_type"},
		"an incident without an id":   {plain(webhook.PagerDuty, `{"event": {"event_type": "incident.triggered"}}`), "event.data.id"},
		"no phase":                    {plain(webhook.ArgoCD, `{}`), "phase"},
		"a template of theirs":        {plain(webhook.ArgoCD, `{"phase": "Succeeded", "health": "Healthy"}`), "finishedAt"},
	} {
		got, err := webhook.Translate(spec(c.request.sender), c.request.header, []byte(c.request.body))
		if !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), c.says) || len(got.Events) > 0 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// Long texts are cut, so that what is kept stays small whatever is sent.
func TestTranslateCutsTexts(t *testing.T) {
	long := strings.Repeat("ü", 400_000)
	for _, r := range []request{
		githubIssue("opened", `{"name": "`+long+`"}`, `, "x": "`+long+`"`),
		github("deployment_status", strings.Replace(githubDeployment("failure", "deploy").body, "ran on runner 4", long, 1)),
		plain(webhook.PagerDuty, strings.Replace(pagerduty("incident.triggered").body, "Checkout is slow", long, 1)),
		alerts(strings.Replace(oneAlert("firing", "page", ""), "SlowCheckout", long, 1)),
	} {
		for _, ev := range translate(t, r).Events {
			if len(ev.Data) > 4096 {
				t.Errorf("%s: %d bytes", ev.Type, len(ev.Data))
			}
			eventtestIfCD(t, ev)
		}
	}
}

func eventtestIfCD(t *testing.T, ev event.Event) {
	t.Helper()
	if strings.HasPrefix(ev.Type, "dev.cdevents.") {
		eventtest.CDEvent(t, ev)
	}
}

// An alert is told again and again while it fires, each time with the value of
// the moment: it stays the same event.
func TestAlertsToldAgainAreTheSame(t *testing.T) {
	first, again := translate(t, alerts(oneAlert("firing", "page", "p99 is 3.1 s"))), translate(t, alerts(oneAlert("firing", "page", "p99 is 4.7 s")))
	if !reflect.DeepEqual(first, again) {
		t.Errorf("%+v\n%+v", first, again)
	}
}

func TestUnknownSenderIsNoPanic(t *testing.T) {
	if _, err := webhook.Translate(webhook.WebhookSpec{Sender: "pigeon"}, http.Header{}, nil); err == nil {
		t.Error("a pigeon is understood")
	}
}
