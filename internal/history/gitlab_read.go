package history

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/stoa-platform/stoa/internal/hosted"
)

// Read hands over what GitLab knows of one project.
func (s *GitLab) Read(ctx context.Context, repo Repository, sink Sink) error {
	g, ok := s.found[repo.Key]
	if !ok {
		return fmt.Errorf("project %s was not listed", repo.Path)
	}
	s.api.waiting = sink.Waiting
	r := &gitlabReading{reading: reading{Options: s.Options, repo: repo, host: hosted.Repository{Number: g.ID, Path: repo.Path}, sink: sink}, source: s, g: g}
	defer r.end()
	return r.parts(ctx, []part{
		{"deployments", r.delivery}, {"pipelines", r.pipelines}, {"merge requests", r.requests}, {"incidents", r.incidents},
	})
}

type gitlabReading struct {
	reading
	source *GitLab
	g      gitlabProject
}

func (r *gitlabReading) api() *api { return r.source.api }

// delivery tells of deployments; where none was ever made, of releases, else of
// tags, as such.
func (r *gitlabReading) delivery(ctx context.Context) error {
	const resource = "deployments"
	s := r.newScan(resource)
	_, refused := r.api().pages(ctx, r.g.at("/deployments?order_by=created_at&sort=desc&per_page=100"), "", items(func(g struct {
		ID          int64       `json:"id"`
		IID         int64       `json:"iid"`
		SHA         string      `json:"sha"`
		Status      string      `json:"status"`
		User        *gitlabUser `json:"user"`
		CreatedAt   time.Time   `json:"created_at"`
		UpdatedAt   time.Time   `json:"updated_at"`
		Environment struct {
			Name string `json:"name"`
		} `json:"environment"`
		Deployable *struct {
			FinishedAt time.Time `json:"finished_at"`
		} `json:"deployable"`
	}) (bool, error) {
		id, environment := strconv.FormatInt(g.ID, 10), environmentName(g.Environment.Name)
		return s.take(id, g.CreatedAt, environment, func() (*deployment, outcome, error) {
			d := &deployment{
				id: r.host.Deployment(g.ID), at: g.UpdatedAt, by: g.User.actor(), commit: g.SHA, environment: environment,
				release: "deployment-" + strconv.FormatInt(g.IID, 10), url: r.g.WebURL + "/-/environments",
			}
			if g.Deployable != nil && !g.Deployable.FinishedAt.IsZero() {
				d.at = g.Deployable.FinishedAt
			}
			switch g.Status {
			case "success":
				return d, succeeded, nil
			case "failed":
				d.id = r.host.DeploymentFailed(g.ID)
				return d, failed, nil
			case "created", "running", "blocked":
				return d, open, nil
			}
			return d, void, nil // canceled, skipped
		})
	}))
	if refused != nil && !closed(refused) {
		return refused
	}
	if s.any {
		if err := r.brought(ctx, s.kept, s.earliest()); err != nil {
			return err
		}
		r.finish(resource, "", s.open)
		return r.releases(ctx, false)
	}
	if err := r.releases(ctx, true); err != nil {
		return err
	}
	return refused
}

func (r *gitlabReading) brought(ctx context.Context, all []*deployment, earliest time.Time) error {
	if len(all) == 0 {
		return nil
	}
	l, err := r.commits(ctx, earliest.Add(-lookBack))
	if err != nil {
		return err
	}
	return r.deliver(ctx, all, l)
}

// commits reads the main branch back to a time; an empty repository has none.
func (r *gitlabReading) commits(ctx context.Context, since time.Time) (*log, error) {
	l := &log{}
	address := r.g.at("/repository/commits?ref_name=%s&since=%s&per_page=100", url.QueryEscape(r.g.DefaultBranch), since.UTC().Format(time.RFC3339))
	_, err := r.api().pages(ctx, address, "", items(func(g struct {
		ID        string    `json:"id"`
		Parents   []string  `json:"parent_ids"`
		Message   string    `json:"message"`
		Email     string    `json:"author_email"`
		Authored  time.Time `json:"authored_date"`
		Committed time.Time `json:"committed_date"`
	}) (bool, error) {
		c := commit{id: g.ID, parents: g.Parents, authored: g.Authored, committed: g.Committed, by: person("git", g.Email)}
		c.readMessage(g.Message)
		return l.add(c), nil
	}))
	if closed(err) {
		err = nil
	}
	return l, err
}

// releases tells of what was published. deploy says that nothing else tells of
// deployments: each release, else each tag, then counts as one.
func (r *gitlabReading) releases(ctx context.Context, deploy bool) error {
	const resource = "releases"
	from, any := r.from(resource), false
	var deployed []*deployment
	first, err := r.api().pages(ctx, r.g.at("/releases?order_by=released_at&sort=desc&per_page=100"), r.version(resource), items(func(g struct {
		TagName    string      `json:"tag_name"`
		ReleasedAt time.Time   `json:"released_at"`
		Upcoming   bool        `json:"upcoming_release"`
		Author     *gitlabUser `json:"author"`
		Commit     struct {
			ID string `json:"id"`
		} `json:"commit"`
	}) (bool, error) {
		any = true
		if g.Upcoming {
			return true, nil
		}
		name := clean(g.TagName, maxName)
		d := &deployment{
			id: r.repo.Key + "/release/" + name, at: g.ReleasedAt, by: g.Author.actor(), release: name, commit: g.Commit.ID,
			environment: r.Environment, hotfix: hotfixName.MatchString(name), untold: !g.ReleasedAt.After(from),
		}
		if !early.MatchString(name) {
			deployed = append(deployed, d)
		}
		if !d.untold {
			return true, r.published(ctx, d, name)
		}
		return deploy && len(deployed) == 0, nil
	}))
	if err != nil {
		return err
	}
	switch {
	case !deploy || first.unchanged:
	case !any:
		return r.tags(ctx, from)
	case len(deployed) > 0:
		byTime(deployed)
		for i, d := range deployed {
			d.late = i > 0 && !newer(d.release, deployed[i-1].release)
		}
		if err := r.brought(ctx, deployed, deployed[0].at); err != nil {
			return err
		}
	}
	if any || first.unchanged {
		r.finish(resource, first.tag, nil)
	}
	return nil
}

// tags tells of tags as deployments.
func (r *gitlabReading) tags(ctx context.Context, from time.Time) error {
	on := map[string]string{}
	const most = 20_000
	_, err := r.api().pages(ctx, r.g.at("/repository/tags?per_page=100"), "", items(func(g struct {
		Name   string
		Commit struct{ ID string }
	}) (bool, error) {
		if name := clean(g.Name, maxName); r.matches(name) {
			on[name] = g.Commit.ID
		}
		return len(on) < most, nil
	}))
	if err != nil || len(on) == 0 {
		return err
	}
	l, err := r.commits(ctx, from.Add(-lookBack))
	if err != nil {
		return err
	}
	return r.deliver(ctx, r.tagsOn(l, on, from), l)
}

// pipelines tells of the finished pipelines on the main branch.
func (r *gitlabReading) pipelines(ctx context.Context) error {
	const resource = "pipelines"
	from := r.from(resource)
	address := r.g.at("/pipelines?ref=%s&scope=finished&updated_after=%s&order_by=updated_at&sort=asc&per_page=100",
		url.QueryEscape(r.g.DefaultBranch), from.UTC().Format(time.RFC3339))
	_, err := r.api().pages(ctx, address, "", items(func(g struct {
		ID        int64     `json:"id"`
		SHA       string    `json:"sha"`
		Status    string    `json:"status"`
		Source    string    `json:"source"`
		Name      string    `json:"name"`
		WebURL    string    `json:"web_url"`
		UpdatedAt time.Time `json:"updated_at"`
	}) (bool, error) {
		outcome := map[string]string{"success": "success", "failed": "failure"}[g.Status]
		if outcome == "" {
			return true, nil // canceled, skipped: nothing was found out
		}
		if g.Name == "" {
			g.Name = g.Source
		}
		return true, r.finished(ctx, r.host.Pipeline(g.ID, g.Status), g.Name, g.WebURL, outcome, g.SHA, g.UpdatedAt, actor{})
	}))
	if err != nil {
		return err
	}
	r.finish(resource, "", nil)
	return nil
}

// requests tells of the merge requests into the main branch.
func (r *gitlabReading) requests(ctx context.Context) error {
	const resource = "requests"
	from := r.from(resource)
	address := r.g.at("/merge_requests?scope=all&state=all&target_branch=%s&updated_after=%s&order_by=updated_at&sort=asc&per_page=100",
		url.QueryEscape(r.g.DefaultBranch), from.UTC().Format(time.RFC3339))
	_, err := r.api().pages(ctx, address, "", items(func(g struct {
		IID       int64       `json:"iid"`
		Author    *gitlabUser `json:"author"`
		CreatedAt time.Time   `json:"created_at"`
		MergedAt  time.Time   `json:"merged_at"`
		ClosedAt  time.Time   `json:"closed_at"`
		Merge     string      `json:"merge_commit_sha"`
		Squash    string      `json:"squash_commit_sha"`
		SHA       string      `json:"sha"`
	}) (bool, error) {
		c := request{
			id: r.host.Change(g.IID), about: r.host.About("!", g.IID),
			by: g.Author.actor(), created: g.CreatedAt, merged: g.MergedAt, closed: g.ClosedAt, commit: g.SHA,
		}
		if g.Squash != "" {
			c.commit = g.Squash
		}
		if g.Merge != "" {
			c.commit = g.Merge
		}
		return true, r.request(ctx, resource, from, c, func() (time.Time, error) { return r.firstCommit(ctx, g.IID) })
	}))
	if err != nil {
		return err
	}
	r.finish(resource, "", nil)
	return nil
}

// firstCommit is when the earliest commit of a merge request was written.
func (r *gitlabReading) firstCommit(ctx context.Context, iid int64) (time.Time, error) {
	var at time.Time
	_, err := r.api().pages(ctx, r.g.at("/merge_requests/%d/commits?per_page=100", iid), "", items(func(g struct {
		Authored time.Time `json:"authored_date"`
		Created  time.Time `json:"created_at"`
	}) (bool, error) {
		if g.Authored.IsZero() {
			g.Authored = g.Created
		}
		if at.IsZero() || g.Authored.Before(at) {
			at = g.Authored
		}
		return true, nil
	}))
	return at, err
}

// incidents tells of the issues of type incident, and of those with the label.
func (r *gitlabReading) incidents(ctx context.Context) error {
	const resource = "incidents"
	from, told := r.from(resource), map[int64]bool{}
	for _, which := range []string{"issue_type=incident", "labels=" + url.QueryEscape(r.source.IncidentLabel)} {
		address := r.g.at("/issues?%s&scope=all&updated_after=%s&order_by=updated_at&sort=asc&per_page=100", which, from.UTC().Format(time.RFC3339))
		_, err := r.api().pages(ctx, address, "", items(func(g struct {
			IID       int64       `json:"iid"`
			Author    *gitlabUser `json:"author"`
			Labels    []string    `json:"labels"`
			WebURL    string      `json:"web_url"`
			CreatedAt time.Time   `json:"created_at"`
			ClosedAt  time.Time   `json:"closed_at"`
		}) (bool, error) {
			if told[g.IID] {
				return true, nil
			}
			told[g.IID] = true
			i := incident{
				id: r.host.Issue(g.IID), about: r.host.About("#", g.IID),
				by: g.Author.actor(), began: g.CreatedAt, ended: g.ClosedAt, address: g.WebURL,
			}
			for _, l := range g.Labels {
				i.label(l)
			}
			return true, r.incident(ctx, i)
		}))
		if err != nil {
			return err
		}
	}
	r.finish(resource, "", nil)
	return nil
}
