package history

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/hosted"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Read hands over what GitHub knows of one repository.
func (s *GitHub) Read(ctx context.Context, repo Repository, sink Sink) error {
	g, ok := s.found[repo.Key]
	if !ok {
		return fmt.Errorf("repository %s was not listed", repo.Path)
	}
	s.api.waiting = sink.Waiting
	r := &githubReading{reading: reading{Options: s.Options, repo: repo, host: hosted.Repository{Number: g.ID, Path: repo.Path}, sink: sink}, source: s, g: g}
	defer r.end()
	return r.parts(ctx, []part{
		{"deployments", r.delivery}, {"workflow runs", r.runs}, {"pull requests", r.pulls}, {"incidents", r.incidents},
	})
}

// part is what is read of a repository by itself: a token may see one and not
// another.
type part struct {
	name string
	read func(context.Context) error
}

// parts tells what there is, in order. What the host does not show is skipped.
func (r *reading) parts(ctx context.Context, all []part) error {
	if !r.repo.Created.IsZero() && r.repo.URL != "" {
		content := map[string]any{"name": r.repo.Path, "uri": r.repo.URL, "viewUrl": r.repo.URL}
		f := fact{kind: typeRepoCreated, id: r.repo.Key + "/created", at: r.repo.Created, about: r.repo.Path, content: content}
		if err := r.tell(ctx, f); err != nil {
			return err
		}
	}
	for _, p := range all {
		err := p.read(ctx)
		var told *problem.Problem
		switch {
		case closed(err):
			r.sink.Skipped(p.name+" of "+r.repo.Path, err.Error())
		case errors.As(err, &told) && told.Kind == problem.Failed:
			told.Title = p.name + " of " + r.repo.Path + ": " + told.Title
			return told
		case err != nil:
			return err
		}
	}
	return nil
}

type githubReading struct {
	reading
	source *GitHub
	g      githubRepository
}

func (r *githubReading) api() *api { return r.source.api }

type githubDeployment struct {
	ID          int64       `json:"id"`
	SHA         string      `json:"sha"`
	Ref         string      `json:"ref"`
	Environment string      `json:"environment"`
	Transient   bool        `json:"transient_environment"`
	Creator     *githubUser `json:"creator"`
	CreatedAt   time.Time   `json:"created_at"`
}

// delivery tells of deployments; where none was ever made, of releases, else of
// tags, as such.
func (r *githubReading) delivery(ctx context.Context) error {
	const resource = "deployments"
	s := r.newScan(resource)
	_, refused := r.api().pages(ctx, r.g.path("/deployments?per_page=100"), "", items(func(d githubDeployment) (bool, error) {
		environment := environmentName(d.Environment)
		if d.Transient {
			environment = ""
		}
		return s.take(strconv.FormatInt(d.ID, 10), d.CreatedAt, environment, func() (*deployment, outcome, error) {
			return r.look(ctx, d, environment)
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

// look asks how a deployment ended: with the first success, else with a failure.
func (r *githubReading) look(ctx context.Context, d githubDeployment, environment string) (*deployment, outcome, error) {
	id := strconv.FormatInt(d.ID, 10)
	ended, err := r.ask("deployments", id, func() (string, error) {
		var found string
		_, err := r.api().pages(ctx, r.g.path("/deployments/%s/statuses?per_page=100", id), "", items(func(st struct {
			State     string    `json:"state"`
			CreatedAt time.Time `json:"created_at"`
		}) (bool, error) {
			switch { // newest first
			case st.State == "success":
				found = "success " + stamp(st.CreatedAt)
			case (st.State == "failure" || st.State == "error") && found == "":
				found = "failure " + stamp(st.CreatedAt)
			}
			return true, nil
		}))
		return found, err
	})
	made := &deployment{
		id: r.host.Deployment(d.ID), by: d.Creator.actor(), commit: d.SHA, environment: environment,
		release: "deployment-" + id, url: r.g.HTMLURL + "/deployments",
	}
	how, at, _ := strings.Cut(ended, " ")
	made.at, _ = time.Parse(time.RFC3339Nano, at) // it was written by stamp
	switch {
	case err != nil:
		return nil, void, err
	case how == "success":
		return made, succeeded, nil
	case how == "failure":
		made.id = r.host.DeploymentFailed(d.ID)
		return made, failed, nil
	}
	return made, open, nil
}

// lookBack is how much older than a deployment its commits are expected to be.
const lookBack = 60 * 24 * time.Hour

// brought tells of deployments, with the commits of the main branch.
func (r *githubReading) brought(ctx context.Context, all []*deployment, earliest time.Time) error {
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
func (r *githubReading) commits(ctx context.Context, since time.Time) (*log, error) {
	l := &log{}
	address := r.g.path("/commits?sha=%s&since=%s&per_page=100", url.QueryEscape(r.g.DefaultBranch), since.UTC().Format(time.RFC3339))
	_, err := r.api().pages(ctx, address, "", items(func(g struct {
		SHA     string      `json:"sha"`
		Author  *githubUser `json:"author"`
		Parents []struct {
			SHA string `json:"sha"`
		} `json:"parents"`
		Commit struct {
			Message   string
			Author    struct{ Date time.Time }
			Committer struct{ Date time.Time }
		} `json:"commit"`
	}) (bool, error) {
		c := commit{id: g.SHA, authored: g.Commit.Author.Date, committed: g.Commit.Committer.Date, by: g.Author.actor()}
		for _, p := range g.Parents {
			c.parents = append(c.parents, p.SHA)
		}
		c.readMessage(g.Commit.Message)
		return l.add(c), nil
	}))
	if closed(err) {
		err = nil
	}
	return l, err
}

// releases tells of what was published. deploy says that nothing else tells of
// deployments: each finished release, else each tag, then counts as one.
func (r *githubReading) releases(ctx context.Context, deploy bool) error {
	const resource = "releases"
	from, any := r.from(resource), false
	var deployed []*deployment
	first, err := r.api().pages(ctx, r.g.path("/releases?per_page=100"), r.version(resource), items(func(g struct {
		ID          int64       `json:"id"`
		TagName     string      `json:"tag_name"`
		Draft       bool        `json:"draft"`
		Prerelease  bool        `json:"prerelease"`
		CreatedAt   time.Time   `json:"created_at"`
		PublishedAt time.Time   `json:"published_at"`
		Author      *githubUser `json:"author"`
	}) (bool, error) {
		any = true
		if g.Draft || g.PublishedAt.IsZero() {
			return true, nil
		}
		d := &deployment{
			id: fmt.Sprintf("%s/release/%d", r.repo.Key, g.ID), at: g.PublishedAt, by: g.Author.actor(), release: clean(g.TagName, maxName),
			environment: r.Environment, hotfix: hotfixName.MatchString(g.TagName), untold: !g.PublishedAt.After(from),
		}
		if !g.Prerelease {
			deployed = append(deployed, d)
		}
		if !d.untold {
			return true, r.published(ctx, d, strconv.FormatInt(g.ID, 10))
		}
		return !deploy || len(deployed) == 0 || g.CreatedAt.After(from.Add(-lookBack)), nil
	}))
	if err != nil {
		return err
	}
	if deploy && !first.unchanged && (!any || len(deployed) > 0) {
		if err := r.tagged(ctx, deployed, from); err != nil {
			return err
		}
	}
	if any || first.unchanged {
		r.finish(resource, first.tag, nil)
	}
	return nil
}

// published tells that a version can be had.
func (r *reading) published(ctx context.Context, d *deployment, id string) error {
	return r.tell(ctx, fact{
		kind: typePublished, id: r.host.Published(id), at: d.at, by: d.by, about: r.repo.Service,
		content: map[string]any{}, custom: map[string]any{"version": d.release},
	})
}

// tagged tells of releases as deployments, or of tags where there is no release.
func (r *githubReading) tagged(ctx context.Context, releases []*deployment, from time.Time) error {
	on := map[string]string{}
	const most = 20_000
	_, err := r.api().pages(ctx, r.g.path("/tags?per_page=100"), "", items(func(g struct {
		Name   string
		Commit struct{ SHA string }
	}) (bool, error) {
		on[clean(g.Name, maxName)] = g.Commit.SHA
		return len(on) < most, nil
	}))
	if err != nil {
		return err
	}
	maps.DeleteFunc(on, func(name, _ string) bool { return len(releases) == 0 && !r.matches(name) })
	if len(on) == 0 {
		return nil
	}
	earliest := from
	for _, d := range releases {
		d.commit = on[d.release]
		if d.at.Before(earliest) {
			earliest = d.at
		}
	}
	l, err := r.commits(ctx, earliest.Add(-lookBack))
	if err != nil {
		return err
	}
	if len(releases) == 0 {
		releases = r.tagsOn(l, on, from)
	}
	byTime(releases)
	for i, d := range releases {
		d.late = i > 0 && !newer(d.release, releases[i-1].release)
	}
	return r.deliver(ctx, releases, l)
}
