package portal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/portal/release"
	"github.com/stoa-platform/stoa/internal/runtime"
)

// subjectOf reads the service of the address with what the head of all its
// pages shows.
func (p *Portal) subjectOf(v *visit, tab, title string) (page.Subject, catalog.Service, condition, error) {
	ctx := v.Context()
	s, err := p.get(ctx, v.PathValue("name"))
	if err != nil {
		return page.Subject{}, s, condition{}, err
	}
	envs, err := p.ordered(ctx, catalog.EnvironmentsOf(s))
	if err != nil {
		return page.Subject{}, s, condition{}, err
	}
	env, err := chosen(v, s, envs)
	if err != nil {
		return page.Subject{}, s, condition{}, err
	}
	name := s.Metadata.Name
	v.of(s.Metadata.Owner, name, env)
	show := page.Subject{
		Frame: p.frame(v, title+name, "services"), Name: name, Owner: s.Metadata.Owner, About: about(s), Unconfirmed: s.Spec.OwnerSource,
		Environment: env, Tabs: tabs(name, env, tab), URL: s.Status.Environments[env].URL,
		Releasable: s.Status.Environments[env].Release != "", Running: s.Status.Active,
	}
	if decision := auth.Allowed(v.principal, auth.Update, p.service, s.Metadata.Owner); decision.Allowed {
		show.MayChange = true
	} else {
		show.WhyNot = "Only team " + s.Metadata.Owner + " can change it."
	}
	now, err := p.condition(ctx, s, env)
	if err != nil {
		return show, s, now, err
	}
	show.State, show.Sentence = now.State, p.sentence(s, env, now)
	if env != "" {
		show.Live = page.Link("/services/"+name+"/live", "env", env)
	}
	if len(envs) > 1 {
		for _, e := range envs {
			at, err := p.condition(ctx, s, e)
			if err != nil {
				return show, s, now, err
			}
			path := v.URL.Path
			if v.Method != "GET" {
				path = "/services/" + name
			}
			show.Environments = append(show.Environments, page.Choice{Label: e, Href: page.Link(path, "env", e), Active: e == env, State: at.State})
		}
	}
	all, err := p.namesOf(ctx, "Environment")
	show.Others = len(all) > 1
	return show, s, now, err
}

// chosen is the environment of the address, else the first the service is in.
func chosen(v *visit, s catalog.Service, envs []string) (string, error) {
	env := v.FormValue("env")
	switch {
	case env != "" && slices.Contains(envs, env):
		return env, nil
	case env != "":
		return "", catalog.NotIn(s.Metadata.Name, env, envs)
	case len(envs) > 0:
		return envs[0], nil
	}
	return "", nil
}

// ordered sorts environments from the last that a release reaches to the first:
// production is what one looks at first.
func (p *Portal) ordered(ctx context.Context, envs []string) ([]string, error) {
	order := map[string]int{}
	if len(envs) < 2 {
		return envs, nil
	}
	all, err := object.All[catalog.Environment](ctx, p.Objects, object.Query{})
	for _, e := range all {
		order[e.Metadata.Name] = e.Spec.Order
	}
	slices.SortStableFunc(envs, func(a, b string) int { return order[b] - order[a] })
	return envs, err
}

func tabs(service, env, active string) []page.Tab {
	var all []page.Tab
	for _, t := range []struct{ name, label string }{
		{"", "Overview"}, {"releases", "Releases"}, {"logs", "Logs"}, {"detected", "Detected"},
		{"settings", "Settings"}, {"gates", "Gates"}, {"history", "History"},
	} {
		if env == "" && slices.Contains([]string{"releases", "logs", "settings"}, t.name) && t.name != active {
			continue // they would have nothing to show
		}
		path := strings.TrimSuffix("/services/"+service+"/"+t.name, "/")
		all = append(all, page.Tab{Name: t.name, Label: t.label, Href: page.Link(path, "env", env), Active: t.name == active})
	}
	return all
}

// sentence says how the service does, from what was seen.
func (p *Portal) sentence(s catalog.Service, env string, c condition) string {
	deployed := s.Status.Environments[env]
	since := clockTime(p.Clock(), deployed.Since)
	switch c.Word {
	case catalog.StateElsewhere:
		if s.Spec.Type == "library" {
			return "A library runs inside of others: nothing of it is deployed."
		}
		return "Stoa has not deployed it: it runs elsewhere, or nowhere yet."
	case catalog.StateUnreleased:
		return "No release has succeeded in " + env + "."
	case catalog.StateStopped:
		return "Nothing of it runs in " + env + ", as was asked."
	case catalog.StateRunning:
		text := fmt.Sprintf("%s in %s; %s has served since %s.", ofAll(c), env, deployed.Release, since)
		if m := deployed.Missed; m != nil {
			text += fmt.Sprintf(" Release %s failed at %s: %s.", m.Release, clockTime(p.Clock(), m.At), strings.TrimSuffix(m.Message, "."))
		}
		return text
	}
	text := cmp.Or(c.Why(), deployed.Release+" does not do what was asked")
	if strings.HasPrefix(text, s.Metadata.Name+"-") { // the name of a release, which has no capitals
		text = "release " + text
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	if deployed.Release == "" {
		return text + "; no release has succeeded in " + env + "."
	}
	return text + " in " + env + "."
}

// clockTime is a time of today by the clock alone, else with its day.
func clockTime(now, at time.Time) string {
	if now.UTC().Format(time.DateOnly) == at.UTC().Format(time.DateOnly) {
		return at.UTC().Format("15:04 UTC")
	}
	return at.UTC().Format("2 Jan, 15:04 UTC")
}

func ofAll(c condition) string {
	if c.Wanted == 1 {
		return "Its one instance answers"
	}
	return fmt.Sprintf("All %d instances answer", c.Wanted)
}

// silence is how long a stream says nothing at most; proxies cut off what is
// silent for longer.
const silence = 20 * time.Second

// liveState sends the sentence anew whenever it changes.
func (p *Portal) liveState(v *visit) error {
	name, env := v.PathValue("name"), v.FormValue("env")
	if _, err := p.get(v.Context(), name); err != nil {
		return err
	}
	return p.live(v, func(ctx context.Context, s *stream) error {
		var last string
		var sent time.Time
		return p.repeat(ctx, 2*time.Second, func() (bool, error) {
			svc, err := p.get(ctx, name)
			if err != nil {
				return true, err
			}
			now, err := p.condition(ctx, svc, env)
			if err != nil {
				return true, err
			}
			text := now.Word + p.sentence(svc, env, now)
			if text == last {
				if p.Clock().Sub(sent) < silence {
					return false, nil
				}
				sent = p.Clock()
				return false, s.ping()
			}
			last, sent = text, p.Clock()
			return false, s.send(ctx, page.Condition(now.State, p.sentence(svc, env, now)))
		})
	})
}

// overview is a service's first page.
func (p *Portal) overview(v *visit) error {
	ctx := v.Context()
	head, s, now, err := p.subjectOf(v, "", "")
	if err != nil {
		return err
	}
	env := head.Environment
	show := page.Overview{Subject: head, Wanted: now.Wanted, Serving: len(now.Seen.Instances), Instances: instances(now.Seen),
		Same: page.Command{Text: "stoa status " + s.Metadata.Name, Says: "The same on the command line"}}
	var releases []delivery.Release
	if env == "" {
		show.Facts, show.Bring = p.elsewhere(s)
	} else {
		if releases, _, err = p.releases(ctx, s.Metadata.Name, env, "", releasesShown); err != nil {
			return err
		}
	}
	if err := p.traffic(v, &show, s, env, releases); err != nil {
		return err
	}
	if err := p.current(ctx, &show, s, env, releases); err != nil {
		return err
	}
	return p.render(v, 200, page.OverviewPage(show))
}

// current fills in the release that serves, and a newer one that does not.
func (p *Portal) current(ctx context.Context, show *page.Overview, s catalog.Service, env string, releases []delivery.Release) error {
	serving := s.Status.Environments[env].Release
	if len(releases) == 0 {
		return nil
	}
	made, known, err := p.authors(ctx, "Release", []string{serving, releases[0].Metadata.Name})
	if err != nil {
		return err
	}
	if serving != "" {
		rel, err := object.Get[delivery.Release](ctx, p.Objects, serving)
		if err != nil {
			return err
		}
		show.Current = &page.Current{
			Name: serving, Cause: rel.Spec.Cause, By: known.person(made[serving].actor), Commit: rel.Status.Commit,
			CommitText: subject(rel), Artifact: rel.Status.Artifact, At: release.Finished(rel), Took: release.Took(rel),
		}
		if show.Current.Why, err = p.reason(ctx, rel); err != nil {
			return err
		}
	}
	if newest := releases[0]; newest.Metadata.Name != serving && newest.Status.Phase != delivery.Succeeded {
		line := released(newest, made, known)
		show.Latest, show.Told = &line, newest.Status.Problem
	}
	return nil
}

// instances are those of the service and then those of its further processes.
func instances(s runtime.Status) []page.Instance {
	var all []page.Instance
	for _, i := range s.Instances {
		says := []string{}
		if i.Process != "" {
			says = append(says, "process "+i.Process)
		}
		if i.Release != s.Release {
			says = append(says, "of "+i.Release)
		}
		if i.Port > 0 {
			says = append(says, fmt.Sprintf("port %d", i.Port))
		}
		if i.PID > 0 {
			says = append(says, fmt.Sprintf("pid %d", i.PID))
		}
		if i.LastExit != nil {
			says = append(says, "last: "+i.LastExit.String())
		}
		all = append(all, page.Instance{
			State: instanceState(i.State), ID: i.ID, Release: i.Release, Says: strings.Join(says, " · "), Restarts: i.Restarts, Since: i.Since,
		})
	}
	for _, process := range s.Beside {
		all = append(all, instances(process)...)
	}
	return all
}

func instanceState(s runtime.State) page.State {
	level := page.Unknown
	switch s {
	case runtime.StateHealthy:
		level = page.Good
	case runtime.StateStarting:
		level = page.Busy
	case runtime.StateUnhealthy, runtime.StateRestarting:
		level = page.Warn
	case runtime.StateCrashLooping:
		level = page.Bad
	}
	return page.State{Level: level, Word: strings.ReplaceAll(string(s), "-", " ")}
}
