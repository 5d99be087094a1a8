package webhook

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/stoa-platform/stoa/internal/hosted"
	"github.com/stoa-platform/stoa/internal/problem"
)

// githubBody is what is read of GitHub's payloads; each event has the part of
// its name.
type githubBody struct {
	Action     string `json:"action"`
	Repository struct {
		ID       int64  `json:"id"`
		FullName string `json:"full_name"`
		HTMLURL  string `json:"html_url"`
	} `json:"repository"`
	Sender           githubUser            `json:"sender"`
	Deployment       githubDeployment      `json:"deployment"`
	DeploymentStatus githubStatus          `json:"deployment_status"`
	WorkflowRun      githubRun             `json:"workflow_run"`
	PullRequest      githubPull            `json:"pull_request"`
	Issue            githubIssue           `json:"issue"`
	Label            struct{ Name string } `json:"label"`
	Release          githubRelease         `json:"release"`
}

type githubUser struct {
	Login string `json:"login"`
	Type  string `json:"type"`
}

type githubDeployment struct {
	ID          int64  `json:"id"`
	SHA         string `json:"sha"`
	Ref         string `json:"ref"`
	Task        string `json:"task"`
	Environment string `json:"environment"`
}

type githubStatus struct {
	State       string `json:"state"`
	Environment string `json:"environment"`
	Description string `json:"description"`
	TargetURL   string `json:"target_url"`
	LogURL      string `json:"log_url"`
	CreatedAt   moment `json:"created_at"`
}

type githubRun struct {
	ID         int64  `json:"id"`
	Attempt    int64  `json:"run_attempt"`
	Name       string `json:"name"`
	Branch     string `json:"head_branch"`
	SHA        string `json:"head_sha"`
	Event      string `json:"event"`
	Conclusion string `json:"conclusion"`
	HTMLURL    string `json:"html_url"`
	CreatedAt  moment `json:"created_at"`
	StartedAt  moment `json:"run_started_at"`
	UpdatedAt  moment `json:"updated_at"`
	HeadCommit struct {
		ID        string `json:"id"`
		Timestamp moment `json:"timestamp"`
	} `json:"head_commit"`
}

type githubPull struct {
	Number    int64  `json:"number"`
	HTMLURL   string `json:"html_url"`
	Merged    bool   `json:"merged"`
	MergeSHA  string `json:"merge_commit_sha"`
	CreatedAt moment `json:"created_at"`
	ClosedAt  moment `json:"closed_at"`
	MergedAt  moment `json:"merged_at"`
	Base      struct {
		Ref string `json:"ref"`
	} `json:"base"`
}

type githubRelease struct {
	ID          int64  `json:"id"`
	Tag         string `json:"tag_name"`
	HTMLURL     string `json:"html_url"`
	PublishedAt moment `json:"published_at"`
	CreatedAt   moment `json:"created_at"`
}

func (t *translator) github() (Translation, error) {
	name := t.header.Get("X-GitHub-Event")
	if name == "" {
		return Translation{}, problem.New(problem.Invalid, "header X-GitHub-Event is missing: nothing was taken")
	}
	if bytes.HasPrefix(t.body, []byte("payload=")) {
		return Translation{}, problem.New(problem.Invalid, "the body is a form: nothing was taken").
			Do("set the webhook's content type to application/json in GitHub's settings")
	}
	if name == "ping" {
		return Translation{}, nil
	}
	translate, kept := map[string]func(githubBody, required) (Translation, error){
		"deployment_status": t.githubDeployment,
		"workflow_run":      t.githubRun,
		"pull_request":      t.githubPull,
		"issues":            t.githubIssue,
		"release":           t.githubRelease,
	}[name]
	if !kept {
		return ignored("event %s is none that is kept", name)
	}
	var b githubBody
	if err := t.decode(&b); err != nil {
		return Translation{}, err
	}
	return translate(b, t.about(hosted.Repository{Number: b.Repository.ID, Path: b.Repository.FullName}, b.Repository.HTMLURL,
		"repository.id", "repository.full_name", "repository.html_url"))
}

func (t *translator) githubDeployment(b githubBody, there required) (Translation, error) {
	d, status := b.Deployment, b.DeploymentStatus
	name := firstOf(status.Environment, d.Environment)
	there.and(required{"deployment.id": d.ID != 0, "deployment.sha": d.SHA != "", "deployment_status.state": status.State != "",
		"deployment_status.created_at": !status.CreatedAt.IsZero()})
	f := fact{
		id: t.host.Deployment(d.ID), at: status.CreatedAt.Time,
		service: t.spec.Mapping.repository(b.Repository.FullName), environment: t.spec.Mapping.environment(name, name),
		custom: said(map[string]any{"release": strconv.FormatInt(d.ID, 10), "commit": d.SHA, "ref": clip(d.Ref, maxText)}),
	}
	link := firstOf(address(status.LogURL), address(status.TargetURL))
	switch status.State {
	case "success":
		return t.events(there, deployment(f, purl("github", b.Repository.FullName, d.SHA), d.Task == "rollback"))
	case outcomeFailure, outcomeError:
		f.id = t.host.DeploymentFailed(d.ID)
		return t.events(there, failedDeployment(f, "deployment/"+strconv.FormatInt(d.ID, 10), status.State, link, status.Description))
	}
	if status.State == "" {
		return t.events(there)
	}
	return ignored("a deployment that is %s is not over", status.State)
}

// deployment makes of f that a service was deployed, or rolled back.
func deployment(f fact, artifact string, rollback bool) fact {
	f.kind, f.subject = typeDeployed, f.service
	if rollback {
		f.kind, f.custom["cause"] = typeRolledBack, "rollback"
	}
	f.content = map[string]any{"environment": reference(f.environment), "artifactId": artifact}
	return f
}

// failedDeployment makes of f that a deployment did not succeed.
func failedDeployment(f fact, run, outcome, link, errors string) fact {
	f.kind, f.subject = typePipelineFinished, run
	f.content = said(map[string]any{"pipelineName": "deployment", "outcome": outcome, "uri": link, "errors": clip(errors, maxText)})
	f.custom["service"], f.custom["environment"] = f.service, f.environment
	return f
}

// githubOutcomes are the conclusions of a run of which CDEvents has a word.
// Those that are missing say that nothing ran.
var githubOutcomes = map[string]string{
	"success": outcomeSuccess, "neutral": outcomeSuccess, "failure": outcomeFailure, "timed_out": outcomeFailure,
	"startup_failure": outcomeError, "cancelled": outcomeCancel, "stale": outcomeCancel,
}

func (t *translator) githubRun(b githubBody, there required) (Translation, error) {
	r := b.WorkflowRun
	at := map[string]moment{"requested": {either(r.StartedAt, r.CreatedAt)}, "in_progress": r.UpdatedAt, "completed": r.UpdatedAt}[b.Action]
	there.and(required{"workflow_run.id": r.ID != 0, "workflow_run.html_url": address(r.HTMLURL) != "", "workflow_run.head_sha": r.SHA != "",
		"workflow_run.updated_at": !at.IsZero()})
	custom := map[string]any{"commit": r.SHA, "branch": clip(r.Branch, maxText), "trigger": clip(r.Event, maxText)}
	if r.HeadCommit.ID == r.SHA {
		custom["commitTime"] = r.HeadCommit.Timestamp.text()
	}
	f := fact{
		id:      t.host.Run(r.ID, r.Attempt),
		subject: fmt.Sprintf("workflow_run/%d", r.ID), at: at.Time, service: t.spec.Mapping.repository(b.Repository.FullName),
		content: map[string]any{"pipelineName": clip(r.Name, maxText), "uri": address(r.HTMLURL)},
	}
	custom["service"] = f.service
	f.custom = said(custom)
	switch b.Action {
	case "requested":
		f.kind, f.id = typePipelineQueued, f.id+"/queued"
	case "in_progress":
		f.kind, f.id = typePipelineStarted, f.id+"/started/"+at.text()
	case "completed":
		outcome, ran := githubOutcomes[r.Conclusion]
		if !ran {
			return ignored("a workflow run that is %q did not run", r.Conclusion)
		}
		f.kind = typePipelineFinished
		f.content["outcome"] = outcome
	default:
		return ignored("action %q of a workflow run is none that is kept", b.Action)
	}
	return t.events(there, f)
}

func (t *translator) githubPull(b githubBody, there required) (Translation, error) {
	p := b.PullRequest
	change := t.host.Change(p.Number)
	f := fact{
		subject: t.host.About("#", p.Number), service: t.spec.Mapping.repository(b.Repository.FullName),
		content: map[string]any{"repository": reference(b.Repository.FullName)},
		custom:  said(map[string]any{"branch": clip(p.Base.Ref, maxText), "uri": address(p.HTMLURL)}),
	}
	there["pull_request.number"] = p.Number != 0
	switch {
	case b.Action == "opened":
		f.kind, f.at, f.id = typeChangeCreated, p.CreatedAt.Time, change.Once("created")
		there["pull_request.created_at"] = !f.at.IsZero()
	case b.Action == "closed" && p.Merged:
		f.kind, f.at, f.custom["commit"] = typeChangeMerged, either(p.MergedAt, p.ClosedAt), p.MergeSHA
		there["pull_request.merge_commit_sha"], there["pull_request.merged_at"] = p.MergeSHA != "", !f.at.IsZero()
		f.id = change.Once("merged")
	case b.Action == "closed":
		f.kind, f.at = typeChangeAbandoned, p.ClosedAt.Time
		there["pull_request.closed_at"] = !f.at.IsZero()
		f.id = change.At("abandoned", f.at)
	default:
		return ignored("action %q of a pull request is none that is kept", b.Action)
	}
	return t.events(there, f)
}

func (t *translator) githubRelease(b githubBody, there required) (Translation, error) {
	r := b.Release
	if b.Action != "published" {
		return ignored("action %q of a release is none that is kept", b.Action)
	}
	f := fact{
		kind: typePublished, id: t.host.Published(strconv.FormatInt(r.ID, 10)), at: either(r.PublishedAt, r.CreatedAt),
		service: t.spec.Mapping.repository(b.Repository.FullName), content: map[string]any{},
		custom: said(map[string]any{"version": clip(r.Tag, maxText), "uri": address(r.HTMLURL)}),
	}
	f.subject = f.service
	there.and(required{"release.id": r.ID != 0, "release.tag_name": r.Tag != "", "release.published_at": !f.at.IsZero()})
	return t.events(there, f)
}
