package portal

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/delivery/progress"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/portal/release"
	"github.com/stoa-platform/stoa/internal/problem"
)

const releasesShown = 20

// releasesPage lists what was released, each with what it changed.
func (p *Portal) releasesPage(v *visit) error {
	ctx := v.Context()
	head, s, _, err := p.subjectOf(v, "releases", "Releases of ")
	if err != nil {
		return err
	}
	show := page.Releases{Subject: head, Serving: s.Status.Environments[head.Environment].Release,
		Same: page.Command{Text: "stoa get releases --field spec.service=" + head.Name + " --field spec.environment=" + quote(head.Environment) + " --newest", Says: "The same on the command line"}}
	after := v.URL.Query().Get("after")
	found, next, err := p.releases(ctx, head.Name, head.Environment, after, releasesShown)
	if err != nil {
		return err
	}
	if head.Environment == "" {
		found, next = nil, ""
	}
	var older []delivery.Release // the one that the last of the page is compared with
	if next != "" {
		if older, _, err = p.releases(ctx, head.Name, head.Environment, next, 1); err != nil {
			return err
		}
	}
	var names []string
	for _, rel := range found {
		names = append(names, rel.Metadata.Name)
	}
	made, known, err := p.authors(ctx, "Release", names)
	if err != nil {
		return err
	}
	all := append(found, older...)
	for i, rel := range found {
		row := page.ReleaseRow{Released: released(rel, made, known), Commit: rel.Status.Commit, CommitText: subject(rel), Took: release.Took(rel),
			Serves: rel.Metadata.Name == show.Serving, Steps: release.Steps(rel)}
		if row.Why, err = p.reason(ctx, rel); err != nil {
			return err
		}
		if at := slices.IndexFunc(all[i+1:], came); at >= 0 {
			before := all[i+1+at]
			row.Before, row.Changes = before.Metadata.Name, release.Compare(before, rel)
		}
		show.Rows = append(show.Rows, row)
	}
	base := "/services/" + head.Name + "/releases"
	show.Pager = page.Pager{Shown: len(show.Rows), Noun: "release"}
	if next != "" {
		show.Pager.Next = page.Link(base, "env", head.Environment, "after", next)
	}
	if after != "" {
		show.Pager.First = page.Link(base, "env", head.Environment)
	}
	show.Table = page.ReleaseSheet(show.Rows)
	files(v, &show.Table)
	if done, err := p.file(v, &show.Table); done {
		return err
	}
	return p.render(v, 200, page.ReleasesPage(show))
}

// releaseView is a release as its page shows it.
func (p *Portal) releaseView(v *visit, name string) (page.Release, error) {
	ctx := v.Context()
	rel, err := object.Get[delivery.Release](ctx, p.Objects, name)
	if problem.Is(err, problem.NotFound) {
		return page.Release{}, problem.New(problem.NotFound, "there is no release %q", name)
	}
	if err != nil {
		return page.Release{}, err
	}
	s, err := object.Get[catalog.Service](ctx, p.Objects, rel.Spec.Service)
	if err != nil && !problem.Is(err, problem.NotFound) {
		return page.Release{}, err
	}
	made, known, err := p.authors(ctx, "Release", []string{name})
	if err != nil {
		return page.Release{}, err
	}
	serves := s.Status.Environments[rel.Spec.Environment].Release == name
	show := page.Release{
		Frame: p.frame(v, name, "services"), Name: name, Service: rel.Spec.Service, Environment: rel.Spec.Environment,
		State: release.Phase(rel.Status.Phase), Steps: release.Steps(rel), Told: rel.Status.Problem, Gates: rel.Status.Gates,
		Source: rel.Spec.Source, Previous: rel.Status.Previous, Running: !rel.Status.Phase.Final(),
		Live: "/releases/" + name + "/live", Same: page.Command{Text: "stoa describe release " + name, Says: "The same on the command line"},
		Facts: page.Current{Name: name, Cause: rel.Spec.Cause, By: known.person(made[name].actor), Commit: rel.Status.Commit,
			CommitText: subject(rel), Artifact: rel.Status.Artifact, At: made[name].at, Took: release.Took(rel)},
	}
	if p.mayReadLogs(v, rel.Metadata.Owner) == nil {
		show.Output = show.Running
		if show.Printed, err = p.printed(rel); err != nil {
			return page.Release{}, err
		}
	}
	if rel.Spec.Origin != nil {
		show.Facts.Author = rel.Spec.Origin.Author
	}
	if serves {
		show.URL = rel.Status.URL
	}
	if show.Running && !rel.Spec.Cancel && auth.Allowed(v.principal, auth.Update, p.service, rel.Metadata.Owner).Allowed {
		show.Cancel = page.Link("/services/"+rel.Spec.Service+"/cancel", "env", rel.Spec.Environment, "release", name)
	}
	if !serves && rel.Status.Phase == delivery.Succeeded && auth.Allowed(v.principal, auth.Update, p.service, rel.Metadata.Owner).Allowed {
		show.Rollback = page.Link("/services/"+rel.Spec.Service+"/rollback", "env", rel.Spec.Environment, "to", name)
	}
	if rel.Spec.Workload != nil && rel.Spec.From == "" {
		show.Plan = plan(*rel.Spec.Workload)
	}
	show.Sentence = release.Sentence(rel, s.Status.Environments[rel.Spec.Environment].Release)
	if show.Facts.Why, err = p.reason(ctx, rel); err != nil {
		return show, err
	}
	before, err := p.releaseBefore(ctx, rel)
	if before != nil {
		show.Before, show.Changes = before.Metadata.Name, release.Compare(*before, rel)
	}
	return show, err
}

func plan(c detect.Component) []string {
	var commands []string
	for _, step := range c.Build {
		commands = append(commands, step.Command.String())
	}
	return commands
}

// came reports whether a release was carried out, or is: one that was cancelled is
// nothing to compare with.
func came(rel delivery.Release) bool { return rel.Status.Phase != delivery.Cancelled }

// releaseBefore is the release before one in the same environment, nil for the first.
func (p *Portal) releaseBefore(ctx context.Context, rel delivery.Release) (*delivery.Release, error) {
	after := ""
	for {
		found, next, err := p.releases(ctx, rel.Spec.Service, rel.Spec.Environment, after, 100)
		if err != nil {
			return nil, err
		}
		for i := range found {
			if found[i].Spec.Number < rel.Spec.Number && came(found[i]) {
				return &found[i], nil
			}
		}
		if next == "" {
			return nil, nil
		}
		after = next
	}
}

// printedShown is how much is shown of what a build printed: the end of it.
const printedShown = 64 << 10

// printed gives the last lines of what built a release; none where that is not kept.
func (p *Portal) printed(rel delivery.Release) ([]string, error) {
	if !rel.Status.Phase.Final() {
		return nil, nil // they come as they are printed
	}
	from, err := p.Releases.BuildOutput(rel)
	if problem.Is(err, problem.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer from.Close()
	all, err := io.ReadAll(from)
	if len(all) > printedShown {
		all = all[len(all)-printedShown:]
		all = all[bytes.IndexByte(all, '\n')+1:]
	}
	return strings.FieldsFunc(string(all), func(r rune) bool { return r == '\n' }), err
}

func (p *Portal) release(v *visit) error {
	show, err := p.releaseView(v, v.PathValue("name"))
	if err != nil {
		return err
	}
	v.of("", show.Service, show.Environment)
	return p.render(v, 200, page.ReleasePage(show))
}

// liveRelease sends the page's body anew whenever the release has come further,
// and to who may read logs the lines that its steps print, until it is final. The
// status in the store is the truth: it is read after every hint, and every second
// in case another replica does the work.
func (p *Portal) liveRelease(v *visit) error {
	name := v.PathValue("name")
	first, err := p.releaseView(v, name)
	if err != nil {
		return err
	}
	return p.live(v, func(ctx context.Context, s *stream) error {
		hints, stop := p.Releases.Watch(name)
		defer stop()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		var seen int64
		for {
			doc, err := p.Objects.Get(ctx, "Release", name)
			if err != nil {
				return err
			}
			if doc.Version != seen {
				seen = doc.Version
				show, err := p.releaseView(v, name)
				if err != nil {
					return err
				}
				if err := s.send(ctx, page.ReleaseBody(show)); err != nil {
					return err
				}
				if !show.Running {
					return s.message("done", []byte("done"))
				}
			}
			if again, err := s.hints(ctx, hints, tick.C, first.Output); !again {
				return err
			}
		}
	})
}

// hints sends lines, to who may read them, until there is reason to read the
// status again.
func (s *stream) hints(ctx context.Context, hints <-chan progress.Change, tick <-chan time.Time, lines bool) (again bool, err error) {
	for {
		select {
		case <-ctx.Done():
			return false, nil
		case <-tick:
			return true, s.ping()
		case hint := <-hints:
			if hint.Status {
				return true, nil
			}
			if !lines {
				continue
			}
			line := fmt.Sprintf(`<hx-partial hx-target="#lines" hx-swap="beforeend"><p class="log-line log-stoa-line"><span class="log-stream">%s</span><span class="log-text">%s</span></p></hx-partial>`,
				html.EscapeString(hint.Step), html.EscapeString(hint.Line))
			if err := s.message("", []byte(line)); err != nil {
				return false, err
			}
		}
	}
}
