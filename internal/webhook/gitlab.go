package webhook

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/hosted"
)

// gitlabHead is what all of GitLab's payloads have.
type gitlabHead struct {
	Kind    string `json:"object_kind"`
	Project struct {
		ID   int64  `json:"id"`
		Path string `json:"path_with_namespace"`
		URL  string `json:"web_url"`
	} `json:"project"`
	User struct {
		Username string `json:"username"`
	} `json:"user"`
}

// gitlabProject notes the project that a payload is about.
func (t *translator) gitlabProject(b gitlabHead) required {
	return t.about(hosted.Repository{Number: b.Project.ID, Path: b.Project.Path}, b.Project.URL, "project.id", "project.path_with_namespace", "project.web_url")
}

// gitlabService gives the service of a project: names are unique within its group only.
func (t *translator) gitlabService(b gitlabHead) string {
	_, below, _ := strings.Cut(b.Project.Path, "/")
	return t.spec.Mapping.service(firstOf(below, b.Project.Path), b.Project.Path)
}

func (t *translator) gitlab() (Translation, error) {
	var kind struct {
		Kind string `json:"object_kind"`
	}
	if err := t.decode(&kind); err != nil {
		return Translation{}, err
	}
	translate, kept := map[string]func() (Translation, error){
		"deployment":    t.gitlabDeployment,
		"pipeline":      t.gitlabPipeline,
		"merge_request": t.gitlabMerge,
		"issue":         t.gitlabIssue,
		"incident":      t.gitlabIssue,
		"work_item":     t.gitlabIssue,
		"release":       t.gitlabRelease,
	}[kind.Kind]
	switch {
	case kind.Kind == "":
		return t.events(required{"object_kind": false})
	case !kept:
		return ignored("object_kind %s is none that is kept", kind.Kind)
	}
	return translate()
}

func (t *translator) gitlabDeployment() (Translation, error) {
	var b struct {
		gitlabHead
		ID            int64  `json:"deployment_id"`
		Status        string `json:"status"`
		ChangedAt     moment `json:"status_changed_at"`
		Environment   string `json:"environment"`
		ShortSHA      string `json:"short_sha"`
		CommitURL     string `json:"commit_url"`
		DeployableURL string `json:"deployable_url"`
		Ref           string `json:"ref"`
	}
	if err := t.decode(&b); err != nil {
		return Translation{}, err
	}
	commit := path.Base(b.CommitURL) // the only place of the whole id
	if !strings.HasPrefix(commit, b.ShortSHA) || b.ShortSHA == "" {
		commit = b.ShortSHA
	}
	there := t.gitlabProject(b.gitlabHead)
	there.and(required{"deployment_id": b.ID != 0, "status": b.Status != "",
		"status_changed_at": !b.ChangedAt.IsZero(), "short_sha": b.ShortSHA != "", "environment": b.Environment != ""})
	f := fact{
		id: t.host.Deployment(b.ID), at: b.ChangedAt.Time,
		service: t.gitlabService(b.gitlabHead), environment: t.spec.Mapping.environment(b.Environment, b.Environment),
		custom: said(map[string]any{"release": strconv.FormatInt(b.ID, 10), "commit": commit, "ref": clip(b.Ref, maxText)}),
	}
	switch b.Status {
	case "success":
		return t.events(there, deployment(f, purl("gitlab", b.Project.Path, commit), false))
	case "failed":
		f.id = t.host.DeploymentFailed(b.ID)
		return t.events(there, failedDeployment(f, fmt.Sprintf("deployment/%d", b.ID), outcomeFailure, address(b.DeployableURL), ""))
	case "":
		return t.events(there)
	}
	return ignored("a deployment that is %s changes nothing", b.Status)
}

// gitlabOutcomes are the ends of a pipeline. Those that are missing are no end,
// or say that nothing ran.
var gitlabOutcomes = map[string]string{"success": outcomeSuccess, "failed": outcomeFailure, "canceled": outcomeCancel}

func (t *translator) gitlabPipeline() (Translation, error) {
	var b struct {
		gitlabHead
		Object struct {
			ID         int64  `json:"id"`
			Name       string `json:"name"`
			Status     string `json:"status"`
			Source     string `json:"source"`
			Ref        string `json:"ref"`
			SHA        string `json:"sha"`
			URL        string `json:"url"`
			CreatedAt  moment `json:"created_at"`
			FinishedAt moment `json:"finished_at"`
		} `json:"object_attributes"`
		Commit struct {
			ID        string `json:"id"`
			Timestamp moment `json:"timestamp"`
		} `json:"commit"`
	}
	if err := t.decode(&b); err != nil {
		return Translation{}, err
	}
	o := b.Object
	custom := map[string]any{"commit": o.SHA, "branch": clip(o.Ref, maxText), "trigger": clip(o.Source, maxText), "service": t.gitlabService(b.gitlabHead)}
	if b.Commit.ID == o.SHA {
		custom["commitTime"] = b.Commit.Timestamp.text()
	}
	there := t.gitlabProject(b.gitlabHead)
	f := fact{
		id: t.host.Pipeline(o.ID, o.Status), subject: fmt.Sprintf("pipeline/%d", o.ID), at: o.CreatedAt.Time,
		service: t.gitlabService(b.gitlabHead), custom: said(custom),
		content: map[string]any{"pipelineName": clip(o.Name, maxText), "uri": address(o.URL)},
	}
	there.and(required{"object_attributes.id": o.ID != 0, "object_attributes.sha": o.SHA != "", "object_attributes.url": address(o.URL) != "",
		"object_attributes.created_at": !o.CreatedAt.IsZero()})
	outcome, ended := gitlabOutcomes[o.Status]
	switch {
	case ended:
		f.kind, f.at, f.content["outcome"] = typePipelineFinished, either(o.FinishedAt, o.CreatedAt), outcome
	case o.Status == "pending":
		f.kind = typePipelineQueued
	case o.Status == "running":
		f.kind = typePipelineStarted
	case o.Status == "":
		there["object_attributes.status"] = false
	default:
		return ignored("a pipeline that is %s neither begins nor ends", o.Status)
	}
	return t.events(there, f)
}

func (t *translator) gitlabMerge() (Translation, error) {
	var b struct {
		gitlabHead
		Object struct {
			IID          int64  `json:"iid"`
			Action       string `json:"action"`
			URL          string `json:"url"`
			TargetBranch string `json:"target_branch"`
			MergeSHA     string `json:"merge_commit_sha"`
			SquashSHA    string `json:"squash_commit_sha"`
			LastCommit   struct {
				ID string `json:"id"`
			} `json:"last_commit"`
			CreatedAt moment `json:"created_at"`
			UpdatedAt moment `json:"updated_at"`
		} `json:"object_attributes"`
	}
	if err := t.decode(&b); err != nil {
		return Translation{}, err
	}
	o := b.Object
	there, change := t.gitlabProject(b.gitlabHead), t.host.Change(o.IID)
	f := fact{
		subject: t.host.About("!", o.IID),
		service: t.gitlabService(b.gitlabHead), content: map[string]any{"repository": reference(b.Project.Path)},
		custom: said(map[string]any{"branch": clip(o.TargetBranch, maxText), "uri": address(o.URL)}),
	}
	there["object_attributes.iid"] = o.IID != 0
	switch o.Action {
	case "open":
		f.kind, f.at, f.id = typeChangeCreated, o.CreatedAt.Time, change.Once("created")
		there["object_attributes.created_at"] = !f.at.IsZero()
		return t.events(there, f)
	case "merge":
		// A fast-forward merge makes no commit of its own.
		commit := firstOf(o.MergeSHA, o.SquashSHA, o.LastCommit.ID)
		f.kind, f.id, f.custom["commit"] = typeChangeMerged, change.Once("merged"), commit
		there["object_attributes.last_commit.id"] = commit != ""
	case "close":
		f.kind, f.id = typeChangeAbandoned, change.At("abandoned", o.UpdatedAt.Time)
	default:
		return ignored("action %q of a merge request is none that is kept", o.Action)
	}
	f.at = o.UpdatedAt.Time
	there["object_attributes.updated_at"] = !f.at.IsZero()
	return t.events(there, f)
}

// gitlabActions are GitLab's words for what happens to an issue in GitHub's.
var gitlabActions = map[string]string{"open": "opened", "close": "closed", "reopen": "reopened", "update": "edited"}

func (t *translator) gitlabIssue() (Translation, error) {
	var b struct {
		gitlabHead
		Object struct {
			IID       int64  `json:"iid"`
			Type      string `json:"type"`
			Title     string `json:"title"`
			Action    string `json:"action"`
			URL       string `json:"url"`
			CreatedAt moment `json:"created_at"`
			UpdatedAt moment `json:"updated_at"`
			ClosedAt  moment `json:"closed_at"`
		} `json:"object_attributes"`
		Labels []gitlabLabel `json:"labels"`
		// Changes hold the labels before and after, where they changed.
		Changes struct {
			Labels struct {
				Previous []gitlabLabel `json:"previous"`
				Current  []gitlabLabel `json:"current"`
			} `json:"labels"`
		} `json:"changes"`
	}
	if err := t.decode(&b); err != nil {
		return Translation{}, err
	}
	o := b.Object
	isIncident := b.Kind == incidentLabel || strings.EqualFold(o.Type, incidentLabel)
	if kind := strings.ToLower(o.Type); kind != "" && kind != "issue" && kind != "ticket" && !isIncident {
		return ignored("a work item of type %s is none that is kept", o.Type)
	}
	there := t.gitlabProject(b.gitlabHead)
	there.and(required{"object_attributes.iid": o.IID != 0, "object_attributes.url": address(o.URL) != ""})
	k := ticket{
		id: t.host.Issue(o.IID), action: gitlabActions[o.Action], subject: t.host.About("#", o.IID),
		title: o.Title, link: address(o.URL), service: t.gitlabService(b.gitlabHead), incident: isIncident,
		resolution: "completed", person: b.User.Username, created: o.CreatedAt, changed: o.UpdatedAt, closed: o.ClosedAt,
		there: there,
	}
	for _, l := range b.Labels {
		k.labels = append(k.labels, l.Title)
	}
	if o.Action == "update" && hasIncident(b.Changes.Labels.Current) && !hasIncident(b.Changes.Labels.Previous) {
		k.action, k.labelled = "labeled", incidentLabel
	}
	return t.ticket(k)
}

type gitlabLabel struct {
	Title string `json:"title"`
}

func hasIncident(labels []gitlabLabel) bool {
	for _, l := range labels {
		if strings.EqualFold(l.Title, incidentLabel) {
			return true
		}
	}
	return false
}

func (t *translator) gitlabRelease() (Translation, error) {
	var b struct {
		gitlabHead
		Action     string `json:"action"`
		Tag        string `json:"tag"`
		URL        string `json:"url"`
		ReleasedAt moment `json:"released_at"`
		CreatedAt  moment `json:"created_at"`
		Commit     struct {
			ID string `json:"id"`
		} `json:"commit"`
	}
	if err := t.decode(&b); err != nil {
		return Translation{}, err
	}
	if b.Action != "create" {
		return ignored("action %q of a release is none that is kept", b.Action)
	}
	there := t.gitlabProject(b.gitlabHead)
	f := fact{
		kind: typePublished, id: t.host.Published(b.Tag), at: either(b.CreatedAt, b.ReleasedAt), // a release may be dated ahead
		service: t.gitlabService(b.gitlabHead), content: map[string]any{},
		custom: said(map[string]any{"version": clip(b.Tag, maxText), "uri": address(b.URL), "commit": b.Commit.ID}),
	}
	f.subject = f.service
	there.and(required{"tag": b.Tag != "", "created_at": !f.at.IsZero()})
	return t.events(there, f)
}
