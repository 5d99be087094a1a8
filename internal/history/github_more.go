package history

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/hosted"
	"github.com/stoa-platform/stoa/internal/problem"
)

// tagsOn makes deployments of the tags that are on commits of the main branch,
// at the time of those.
func (r *reading) tagsOn(l *log, on map[string]string, from time.Time) []*deployment {
	var tags []*deployment
	for name, id := range on {
		at, ok := l.at[id]
		if !ok || !r.matches(name) {
			continue
		}
		d := r.tag(name, id, "")
		d.at, d.id = l.commits[at].committed, r.repo.Key+"/tag/"+name
		tags = append(tags, d)
	}
	tags = r.arrange(tags)
	for _, d := range tags {
		d.untold = !d.at.After(from)
	}
	return tags
}

// rerun is how long after a reading a pipeline run may still come to its end:
// so far the next one goes back.
const rerun = 3 * 24 * time.Hour

// mostFound is how many runs GitHub gives for one question.
const mostFound = 1000

type githubRun struct {
	ID         int64       `json:"id"`
	Name       string      `json:"name"`
	Path       string      `json:"path"`
	SHA        string      `json:"head_sha"`
	Attempt    int64       `json:"run_attempt"`
	Conclusion string      `json:"conclusion"`
	HTMLURL    string      `json:"html_url"`
	UpdatedAt  time.Time   `json:"updated_at"`
	Actor      *githubUser `json:"actor"`
	Triggering *githubUser `json:"triggering_actor"`
}

// runs tells of the finished workflow runs on the main branch.
func (r *githubReading) runs(ctx context.Context) error {
	const resource = "runs"
	from := r.Since
	if at := r.State.done(r.repo.Key, resource, r.Since).Add(-rerun); at.After(from) {
		from = at
	}
	if err := r.runsBetween(ctx, from, r.Now); err != nil {
		return err
	}
	r.finish(resource, "", nil)
	return nil
}

// runsBetween asks for the runs of a time; of one with too many, by halves.
func (r *githubReading) runsBetween(ctx context.Context, from, to time.Time) error {
	address := r.g.path("/actions/runs?branch=%s&status=completed&exclude_pull_requests=true&created=%s&per_page=100",
		url.QueryEscape(r.g.DefaultBranch), url.QueryEscape(from.UTC().Format(time.RFC3339)+".."+to.UTC().Format(time.RFC3339)))
	tooMany := false
	_, err := r.api().pages(ctx, address, "", func(body []byte) (bool, error) {
		var page struct {
			Total int         `json:"total_count"`
			Runs  []githubRun `json:"workflow_runs"`
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return false, problem.New(problem.Failed, "an answer cannot be understood").Because(clean(err.Error(), 300)).Cause(err)
		}
		if page.Total > mostFound && to.Sub(from) > time.Minute {
			tooMany = true
			return false, nil
		}
		for _, run := range page.Runs {
			if err := r.run(ctx, run); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	if err != nil || !tooMany {
		return err
	}
	middle := from.Add(to.Sub(from) / 2).Truncate(time.Second)
	if err := r.runsBetween(ctx, middle.Add(time.Second), to); err != nil {
		return err
	}
	return r.runsBetween(ctx, from, middle)
}

func (r *githubReading) run(ctx context.Context, g githubRun) error {
	outcome := ""
	switch g.Conclusion {
	case "success":
		outcome = "success"
	case "failure", "timed_out":
		outcome = "failure"
	case "startup_failure":
		outcome = "error"
	default: // cancelled, skipped, neutral, stale: nothing was found out
		return nil
	}
	by := g.Triggering
	if by == nil {
		by = g.Actor
	}
	return r.finished(ctx, r.host.Run(g.ID, g.Attempt), g.Name, g.HTMLURL, outcome, g.SHA, g.UpdatedAt, by.actor())
}

// finished tells how a pipeline run ended.
func (r *reading) finished(ctx context.Context, id, name, address, outcome, commit string, at time.Time, by actor) error {
	return r.tell(ctx, fact{
		kind: typeRun, id: id, at: at, by: by, about: id,
		content: keep(map[string]any{"pipelineName": clean(name, maxName), "uri": address, "outcome": outcome}),
		custom:  keep(map[string]any{"service": r.repo.Service, "commit": commit}),
	})
}

// pulls tells of the pull requests into the main branch.
func (r *githubReading) pulls(ctx context.Context) error {
	const resource = "pulls"
	from := r.from(resource)
	first, err := r.api().pages(ctx, r.g.path("/pulls?state=all&sort=updated&direction=desc&per_page=100"), r.version(resource), items(func(g struct {
		Number    int64       `json:"number"`
		User      *githubUser `json:"user"`
		CreatedAt time.Time   `json:"created_at"`
		UpdatedAt time.Time   `json:"updated_at"`
		ClosedAt  time.Time   `json:"closed_at"`
		MergedAt  time.Time   `json:"merged_at"`
		Merge     string      `json:"merge_commit_sha"`
		Base      struct {
			Ref string `json:"ref"`
		} `json:"base"`
	}) (bool, error) {
		if g.UpdatedAt.Before(from) {
			return false, nil
		}
		if g.Base.Ref != r.g.DefaultBranch {
			return true, nil
		}
		c := request{
			id: r.host.Change(g.Number), about: r.host.About("#", g.Number),
			by: g.User.actor(), created: g.CreatedAt, merged: g.MergedAt, closed: g.ClosedAt, commit: g.Merge,
		}
		return true, r.request(ctx, resource, from, c, func() (time.Time, error) { return r.firstCommit(ctx, g.Number) })
	}))
	if err != nil {
		return err
	}
	r.finish(resource, first.tag, nil)
	return nil
}

// firstCommit is when the first commit of a pull request was written.
func (r *githubReading) firstCommit(ctx context.Context, number int64) (time.Time, error) {
	var at time.Time
	_, err := r.api().pages(ctx, r.g.path("/pulls/%d/commits?per_page=1", number), "", items(func(g struct {
		Commit struct{ Author struct{ Date time.Time } }
	}) (bool, error) {
		at = g.Commit.Author.Date
		return false, nil
	}))
	return at, err
}

// request is a change that was proposed.
type request struct {
	id                      hosted.Item
	about, commit           string
	by                      actor
	created, merged, closed time.Time
}

// request tells what became of a proposed change since a time. first, which
// costs a question, is asked of merged ones only.
func (r *reading) request(ctx context.Context, resource string, from time.Time, c request, first func() (time.Time, error)) error {
	content := map[string]any{"repository": map[string]any{"id": r.repo.Name}}
	if c.created.After(from) {
		if err := r.tell(ctx, fact{kind: typeOpened, id: c.id.Once("created"), at: c.created, by: c.by, about: c.about, content: content}); err != nil {
			return err
		}
	}
	switch {
	case c.merged.After(from):
		known, err := r.ask(resource, string(c.id), func() (string, error) {
			at, err := first()
			if closed(err) {
				return "", nil
			}
			return stamp(at), err
		})
		if err != nil {
			return err
		}
		began, _ := time.Parse(time.RFC3339Nano, known) // it was written by stamp
		if err := r.merged(ctx, c.id.Once("merged"), c.about, c.commit, c.merged, time.Time{}, c.by); err != nil || began.IsZero() || began.After(c.merged) {
			return err
		}
		// The host's webhook tells of the merge in these very words, but not of this.
		return r.tell(ctx, fact{
			kind: typeUpdated, id: c.id.Once("first-commit"), at: c.merged, by: c.by, about: c.about, content: content,
			custom: keep(map[string]any{"commit": c.commit, "firstCommitTime": stamp(began)}),
		})
	case c.merged.IsZero() && c.closed.After(from):
		return r.tell(ctx, fact{kind: typeAbandoned, id: c.id.At("abandoned", c.closed), at: c.closed, by: c.by, about: c.about, content: content})
	}
	return nil
}

// incidents tells of the issues that are incidents. They are few, and may be
// called so long after they began: those that were touched are told whole.
func (r *githubReading) incidents(ctx context.Context) error {
	const resource = "incidents"
	address := r.g.path("/issues?labels=%s&state=all&sort=updated&direction=asc&since=%s&per_page=100",
		url.QueryEscape(r.source.IncidentLabel), r.from(resource).UTC().Format(time.RFC3339))
	_, err := r.api().pages(ctx, address, "", items(func(g struct {
		Number int64       `json:"number"`
		User   *githubUser `json:"user"`
		Labels []struct {
			Name string `json:"name"`
		} `json:"labels"`
		HTMLURL     string          `json:"html_url"`
		CreatedAt   time.Time       `json:"created_at"`
		ClosedAt    time.Time       `json:"closed_at"`
		PullRequest json.RawMessage `json:"pull_request"`
	}) (bool, error) {
		if len(g.PullRequest) > 0 && string(g.PullRequest) != "null" {
			return true, nil
		}
		i := incident{
			id: r.host.Issue(g.Number), about: r.host.About("#", g.Number),
			by: g.User.actor(), began: g.CreatedAt, ended: g.ClosedAt, address: g.HTMLURL,
		}
		for _, l := range g.Labels {
			i.label(l.Name)
		}
		return true, r.incident(ctx, i)
	}))
	if err != nil {
		return err
	}
	r.finish(resource, "", nil)
	return nil
}

// incident is something that broke.
type incident struct {
	id             hosted.Item
	about, address string
	by             actor
	began, ended   time.Time
	service        string // of another repository
	environment    string
}

// label reads what a label says: "service: shop", "environment/staging".
func (i *incident) label(name string) {
	key, value, ok := strings.Cut(strings.ToLower(name), ":")
	if !ok {
		key, value, ok = strings.Cut(strings.ToLower(name), "/")
	}
	switch value = strings.TrimLeft(value, ": "); { // GitLab's scoped labels have two colons
	case !ok:
	case key == "service":
		i.service = serviceName(value)
	case key == "environment" || key == "env":
		i.environment = environmentName(value)
	}
}

// incident tells when something broke and when it was mended.
func (r *reading) incident(ctx context.Context, i incident) error {
	if i.service == "" {
		i.service = r.repo.Service
	}
	if i.environment == "" {
		i.environment = r.Environment
	}
	content := func() map[string]any {
		return map[string]any{"environment": map[string]any{"id": i.environment}, "service": map[string]any{"id": i.service}}
	}
	reported := content()
	reported["ticketURI"] = i.address
	f := fact{
		kind: typeReported, id: i.id.Once("reported"), at: i.began, by: i.by, service: i.service, environment: i.environment, about: i.about, content: reported,
	}
	if err := r.tell(ctx, f); err != nil || i.ended.IsZero() {
		return err
	}
	f.kind, f.id, f.at, f.content = typeResolved, i.id.At("resolved", i.ended), i.ended, content()
	return r.tell(ctx, f)
}
