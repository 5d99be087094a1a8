package portal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/portal/news"
	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/portal/release"
)

// homeServices is how many of one's services the first page looks after.
const homeServices = 50

func (p *Portal) home(v *visit) error {
	ctx := v.Context()
	show := page.Home{Frame: p.frame(v, "Home", "home"), All: "/services"}
	teams := v.teams()
	var mine []catalog.Service
	for _, team := range teams {
		found, _, err := object.List[catalog.Service](ctx, p.Objects, object.Query{Owner: team, Newest: true, Limit: homeServices})
		if err != nil {
			return err
		}
		n, err := p.Objects.Count(ctx, object.Query{Kind: "Service", Owner: team})
		if err != nil {
			return err
		}
		show.Total += n
		mine = append(mine, found...)
	}
	if len(teams) == 1 {
		show.All = page.Link("/services", "owner", teams[0])
	}
	if len(mine) == 0 {
		show.First = &page.FirstVisit{Git: v.URL.Query().Get("git"), Server: serverFlag(v)}
		show.Sentence = page.Welcome(teams, show.Simulated)
		return p.render(v, 200, page.HomePage(show))
	}
	// The newest are those of all teams, not of the first one.
	slices.SortStableFunc(mine, func(a, b catalog.Service) int { return b.Metadata.Created.Compare(*a.Metadata.Created) })
	mine = mine[:min(len(mine), homeServices)]
	var err error
	if show.Services, err = p.rows(ctx, mine); err != nil {
		return err
	}
	failed := 0
	if show.Needs, failed, err = p.needs(ctx, mine); err != nil {
		return err
	}
	told := news.News{Objects: p.Objects, Ledger: p.Ledger, Teams: teams, Now: p.Clock()}
	ending, changed, err := told.Tell(ctx)
	if err != nil {
		return err
	}
	show.Needs, show.Changed = append(show.Needs, ending...), changed
	slices.SortStableFunc(show.Needs, func(a, b page.Need) int { return cmp.Compare(severity(a.Level), severity(b.Level)) })
	show.Sentence = summary(show, failed)
	return p.render(v, 200, page.HomePage(show))
}

// serverFlag names the platform in a command; on its own host the command finds it.
func serverFlag(v *visit) string {
	if loopback(v.Request) {
		return ""
	}
	scheme := "http://"
	if auth.ByTLS(v.Request) {
		scheme = "https://"
	}
	return " --server " + quote(scheme+v.Host)
}

// summary says in a sentence whether all is well: it may say so only where all
// runs and no release waits for its mending.
func summary(h page.Home, failed int) string {
	text := health(h.Services, failed)
	if h.Total > int64(len(h.Services)) {
		text = fmt.Sprintf("Of your %d newest services: %s", len(h.Services), strings.ToLower(text[:1])+text[1:])
	}
	if len(h.Needs) == 0 {
		return text + "; nothing waits for you."
	}
	return text + "; " + map[bool]string{true: "1 thing waits", false: fmt.Sprintf("%d things wait", len(h.Needs))}[len(h.Needs) == 1] + " for you."
}

func health(services []page.Service, failed int) string {
	well, total := 0, 0
	for _, s := range services {
		for _, at := range s.Places {
			if at.Word == catalog.StateStopped || at.Word == catalog.StateUnreleased {
				continue
			}
			total++
			if at.Level == page.Good {
				well++
			}
		}
	}
	switch {
	case failed > 0:
		return fmt.Sprintf("%s failed and no newer one succeeded yet; %d of %d deployments run well", page.Plural(int64(failed), "release"), well, total)
	case total == 0:
		return "None of your services runs now"
	case well == total && total == 1:
		return "Your service runs well"
	case well == total:
		return fmt.Sprintf("All %d deployments run well", total)
	}
	return fmt.Sprintf("%d of %d deployments run well", well, total)
}

// needs lists what waits for a person, what fails first, then what is a guess,
// and counts the releases in it that failed.
func (p *Portal) needs(ctx context.Context, services []catalog.Service) (needs []page.Need, failed int, err error) {
	for _, s := range services {
		for _, env := range catalog.EnvironmentsOf(s) {
			unwell, err := p.unwell(ctx, s, env)
			if err != nil {
				return nil, 0, err
			}
			missed, err := p.failedRelease(ctx, s, env)
			if err != nil {
				return nil, 0, err
			}
			needs = append(needs, once(unwell, missed)...)
			failed += len(missed)
		}
		guessed, err := p.unconfirmed(ctx, s)
		if err != nil {
			return nil, 0, err
		}
		needs = append(needs, guessed...)
	}
	slices.SortStableFunc(needs, func(a, b page.Need) int {
		return cmp.Or(cmp.Compare(severity(a.Level), severity(b.Level)), b.At.Compare(a.At))
	})
	return needs, failed, nil
}

// once is a service that is unwell and its release that failed as the one thing
// that they are. Of a service that failed the release says why.
func once(unwell, release []page.Need) []page.Need {
	if len(unwell) == 0 || len(release) == 0 {
		return append(unwell, release...)
	}
	need := unwell[0]
	if need.Word == catalog.StateFailed {
		need.Href, need.Action = release[0].Href, release[0].Action
	} else {
		need.Detail += " · " + release[0].Title + " failed"
	}
	return []page.Need{need}
}

// unwell is a service in an environment, if it does not run there as asked.
func (p *Portal) unwell(ctx context.Context, s catalog.Service, env string) ([]page.Need, error) {
	now, err := p.condition(ctx, s, env)
	if err != nil || now.Level != page.Bad && now.Level != page.Warn {
		return nil, err
	}
	name := s.Metadata.Name
	return []page.Need{{State: now.State, Title: name + " in " + env, Detail: cmp.Or(now.Why(), "it does not run as asked"),
		Href: page.Link("/services/"+name, "env", env), Action: "Look", At: s.Status.Environments[env].Since}}, nil
}

// unconfirmed is what of a service is guessed, if anything.
func (p *Portal) unconfirmed(ctx context.Context, s catalog.Service) ([]page.Need, error) {
	guesses, err := p.guesses(ctx, s)
	if err != nil || len(guesses) == 0 {
		return nil, err
	}
	name := s.Metadata.Name
	return []page.Need{{State: page.State{Level: page.Warn, Word: "unconfirmed"}, Title: name + ": " + page.List(guesses),
		Detail: "Inferred, and not confirmed by anybody yet. Guesses page and bill nobody.", Href: "/services/" + name + "/detected", Action: "Confirm"}}, nil
}

func severity(l page.Level) int {
	return slices.Index([]page.Level{page.Bad, page.Warn, page.Busy, page.Good, page.Unknown}, l)
}

// retried is how many releases that are under way a failed one is looked for behind.
const retried = 10

// failedRelease is the newest release of a service in an environment that came
// to its end, if it failed: one that is under way has mended nothing yet, nor has one
// that was cancelled.
func (p *Portal) failedRelease(ctx context.Context, s catalog.Service, env string) ([]page.Need, error) {
	last, _, err := object.List[delivery.Release](ctx, p.Objects, object.Query{
		Fields: map[string]string{"spec.service": s.Metadata.Name, "spec.environment": env}, Newest: true, Limit: retried,
	})
	ended := slices.IndexFunc(last, func(r delivery.Release) bool { return r.Status.Phase.Final() && r.Status.Phase != delivery.Cancelled })
	if err != nil || ended < 0 || last[ended].Status.Phase != delivery.Failed {
		return nil, err
	}
	rel := last[ended]
	need := page.Need{State: page.State{Level: page.Bad, Word: "failed"}, Title: "Release " + rel.Metadata.Name + " to " + env,
		Href: "/releases/" + rel.Metadata.Name, Action: "See why", At: release.Finished(rel)}
	if rel.Status.Problem != nil {
		need.Detail = rel.Status.Problem.Title
	}
	if serving := s.Status.Environments[env].Release; serving != "" {
		need.Detail += " · " + serving + " still serves"
	}
	return []page.Need{need}, nil
}

// guesses names what of a service is only guessed: its owner, and the settings
// of its newest release below the confidence that counts.
func (p *Portal) guesses(ctx context.Context, s catalog.Service) ([]string, error) {
	var names []string
	if s.Spec.OwnerSource != "" {
		names = append(names, "owner "+s.Metadata.Owner)
	}
	last, _, err := object.List[delivery.Release](ctx, p.Objects, object.Query{
		Fields: map[string]string{"spec.service": s.Metadata.Name}, Newest: true, Limit: 1,
	})
	if err != nil || len(last) == 0 {
		return names, err
	}
	for _, d := range last[0].Status.Detected {
		if d.Field != "owner" && guessed(d, s) {
			names = append(names, d.Field)
		}
	}
	return names, nil
}

// guessed reports whether a setting waits for somebody's word.
func guessed(d detect.Setting, s catalog.Service) bool {
	return d.Confidence < detect.Unconfirmed && d.Verified == "" && s.Spec.Overrides.Of(d.Field) == "" &&
		!slices.ContainsFunc(s.Spec.Confirmed, func(f string) bool { return strings.EqualFold(f, d.Field) })
}
