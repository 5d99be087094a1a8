package portal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/governance"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/portal/news"
	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/problem"
)

const teamsShown = 50

func (p *Portal) teams(v *visit) error {
	ctx := v.Context()
	search, after, order := strings.TrimSpace(v.URL.Query().Get("q")), v.URL.Query().Get("after"), v.URL.Query().Get("sort")
	if err := sortable("teams", order); err != nil {
		return err
	}
	first := order == newest && search == ""
	found, next, err := object.List[catalog.Team](ctx, p.Objects, object.Query{Search: search, After: after, Limit: teamsShown, Newest: first})
	if err != nil {
		return err
	}
	total, err := p.Objects.Count(ctx, object.Query{Kind: "Team"})
	if err != nil {
		return err
	}
	show := page.Teams{Frame: p.frame(v, "Teams", "teams"), Search: search, Sentence: page.Plural(total, "team") + " on this platform, by name.",
		Pager: page.Pager{Shown: len(found), Noun: "team"}, Same: page.Command{Text: "stoa get teams", Says: "The same on the command line"}}
	choice := ordered(order, page.Link("/teams", "q", search))
	choice.Idle = search != ""
	show.Filters = []page.Filter{choice}
	if first {
		show.Sentence = page.Plural(total, "team") + " on this platform, newest first."
		show.Same.Text += " --newest"
	}
	if search+order != "" {
		show.Clear = "/teams"
	}
	if search != "" {
		show.Sentence = fmt.Sprintf("%d of %s fit.", len(found), page.Plural(total, "team"))
		show.Same.Text += " --search " + quote(search)
	}
	for _, t := range found {
		services, err := p.Objects.Count(ctx, object.Query{Kind: "Service", Owner: t.Metadata.Name})
		if err != nil {
			return err
		}
		reached, err := p.Milestones(ctx, t.Metadata.Name)
		if err != nil {
			return err
		}
		_, mine := v.principal.Teams[t.Metadata.Name]
		row := page.TeamRow{Name: t.Metadata.Name, Contact: t.Spec.Contact, Platform: t.Spec.Platform, Mine: mine,
			Members: int64(len(t.Spec.Owners) + len(t.Spec.Members)), Services: services, Of: len(adoption.MilestoneOrder())}
		for _, m := range reached {
			row.Reached = append(row.Reached, milestoneWords[m.Milestone])
		}
		show.Rows = append(show.Rows, row)
	}
	if next != "" {
		show.Pager.Next = page.Link("/teams", "q", search, "sort", order, "after", next)
	}
	if after != "" {
		show.Pager.First = page.Link("/teams", "q", search, "sort", order)
	}
	table := page.TeamSheet(show.Rows)
	files(v, &table)
	if done, err := p.file(v, &table); done {
		return err
	}
	show.CSV, show.JSON = table.CSV, table.JSON
	return p.render(v, 200, page.TeamsPage(show))
}

var milestoneWords = map[adoption.Milestone]string{
	adoption.AccessAsked: "access asked", adoption.AccessGranted: "access granted", adoption.FirstDeployment: "first deployment",
	adoption.FirstLogQuery: "first log query", adoption.FirstAlert: "first alert",
}

// Nothing is known of what no event tells: of an alert there is no data until one
// is received, all else was simply not reached.
func missing(m adoption.Milestone) string {
	if m == adoption.FirstAlert || m == adoption.AccessAsked {
		return "no data"
	}
	return "not yet"
}

func (p *Portal) team(v *visit) error { return p.showTeam(v, nil) }

func (p *Portal) showTeam(v *visit, refused *problem.Problem) error {
	ctx, name := v.Context(), v.PathValue("name")
	t, err := object.Get[catalog.Team](ctx, p.Objects, name)
	if problem.Is(err, problem.NotFound) {
		return problem.New(problem.NotFound, "there is no team %q", name).Do("look among all teams: /teams")
	}
	if err != nil {
		return err
	}
	v.of(name, "", "")
	show := page.Team{Frame: p.frame(v, "Team "+name, "teams"), Name: name, Contact: t.Spec.Contact,
		Same: page.Command{Text: "stoa describe team " + name, Says: "The same on the command line"}}
	for _, owner := range t.Spec.Owners {
		show.Members = append(show.Members, page.Member{Name: owner, Role: "owner"})
	}
	for _, member := range t.Spec.Members {
		show.Members = append(show.Members, page.Member{Name: member, Role: "member"})
	}
	_, mine := v.principal.Teams[name]
	show.MayAsk = !mine && !t.Spec.Platform
	found, _, err := object.List[catalog.Service](ctx, p.Objects, object.Query{Owner: name, Limit: 20})
	if err != nil {
		return err
	}
	if show.Total, err = p.Objects.Count(ctx, object.Query{Kind: "Service", Owner: name}); err != nil {
		return err
	}
	if show.Services, err = p.rows(ctx, found); err != nil {
		return err
	}
	if show.Milestones, err = p.milestones(ctx, name); err != nil {
		return err
	}
	if show.Quota, err = p.quota(ctx, name); err != nil {
		return err
	}
	if show.Exceptions, err = p.exceptions(ctx, name); err != nil {
		return err
	}
	show.Sentence = teamSentence(show, t)
	status := 200
	if refused != nil {
		show.Problem, status = refused, statuses[refused.Kind]
	}
	return p.render(v, status, page.TeamPage(show))
}

func teamSentence(t page.Team, from catalog.Team) string {
	reached := 0
	for _, m := range t.Milestones {
		if m.Reached {
			reached++
		}
	}
	text := fmt.Sprintf("%s, %s; %d of %d milestones reached.", page.Plural(int64(len(t.Members)), "member"), page.Plural(t.Total, "service"), reached, len(t.Milestones))
	if from.Spec.Platform {
		text += " It runs the platform: numbers leave it out unless they are asked of it by name."
	}
	if t.Contact != "" {
		text += " Ask them at " + t.Contact + "."
	}
	return text
}

func (p *Portal) milestones(ctx context.Context, team string) ([]page.Milestone, error) {
	reached, err := p.Milestones(ctx, team)
	if err != nil {
		return nil, err
	}
	var all []page.Milestone
	var last *adoption.Reached
	for _, m := range adoption.MilestoneOrder() {
		row := page.Milestone{Name: milestoneWords[m], Missing: missing(m)}
		at := slices.IndexFunc(reached, func(r adoption.Reached) bool { return r.Milestone == m })
		if at >= 0 {
			r := reached[at]
			row.Reached, row.At, row.Seq = true, r.At, r.Seq
			if last != nil && r.At.After(last.At) {
				row.After = page.Took(r.At.Sub(last.At).Milliseconds()) + " after the one before"
			}
			last = &r
		}
		all = append(all, row)
	}
	return all, nil
}

// quota is what a team uses of what it may, counted as the quota's gate does.
// Without a quota only what is known at once is shown.
func (p *Portal) quota(ctx context.Context, team string) (*page.Quota, error) {
	quotas, err := object.All[governance.Quota](ctx, p.Objects, object.Query{})
	if err != nil {
		return nil, err
	}
	var limits governance.QuotaSpec
	show := &page.Quota{Team: team}
	for _, q := range quotas {
		if q.Spec.Team == team || q.Spec.Team == "" && show.Name == "" {
			show.Name, limits = q.Metadata.Name, q.Spec
		}
	}
	if show.Name == "" {
		n, err := p.Objects.Count(ctx, object.Query{Kind: "Service", Owner: team})
		show.Uses = []page.Use{{What: "Services", Used: page.Count(n), Unlimited: true}}
		return show, err
	}
	services, err := object.All[catalog.Service](ctx, p.Objects, object.Query{Owner: team, Limit: 1000})
	if err != nil {
		return nil, err
	}
	var instances, memory int64
	for _, s := range services {
		for _, r := range s.Spec.Environments {
			each, err := catalog.ParseBytes(cmp.Or(r.Memory, catalog.DefaultMemory))
			if err != nil {
				continue // admission has refused it
			}
			instances += int64(r.Replicas)
			memory += int64(r.Replicas) * each
		}
	}
	var allowed int64
	if limits.Memory != "" {
		if allowed, err = catalog.ParseBytes(limits.Memory); err != nil {
			return nil, fmt.Errorf("quota %s: %w", show.Name, err)
		}
	}
	for _, u := range []struct {
		what        string
		used, limit int64
		show        func(int64) string
	}{
		{"Services", int64(len(services)), int64(limits.Services), page.Count}, {"Instances", instances, int64(limits.Instances), page.Count},
		{"Memory", memory, allowed, catalog.FormatBytes},
	} {
		use := page.Use{What: u.what, Used: u.show(u.used), Unlimited: u.limit == 0}
		if u.limit > 0 {
			use.Limit, use.Share = u.show(u.limit), float64(u.used)/float64(u.limit)
		}
		show.Uses = append(show.Uses, use)
	}
	return show, nil
}

// exceptions are those in force, or ended, for the team or one of its services.
func (p *Portal) exceptions(ctx context.Context, team string) ([]page.Exception, error) {
	all, err := news.Exceptions(ctx, p.Objects, team)
	var rows []page.Exception
	for _, e := range all {
		row := page.Exception{Name: e.Metadata.Name, Gate: e.Spec.Gate, Target: e.Spec.Target, Reason: e.Spec.Reason, Approvers: e.Spec.Approvers,
			Sunset: e.Spec.Sunset, State: page.State{Level: page.Warn, Word: "in force"}}
		if !p.Clock().Before(e.Spec.Sunset) {
			row.State = page.State{Level: page.Unknown, Word: "ended"}
		}
		rows = append(rows, row)
	}
	return rows, err
}

// ask records that the visitor wants to join a team.
func (p *Portal) ask(v *visit) error {
	if err := p.Access.Ask(v.Context(), v.principal, v.PathValue("name"), strings.TrimSpace(v.PostFormValue("reason"))); err != nil {
		return p.showTeam(v, p.told(v, err))
	}
	v.use.Capability = "catalog"
	v.of(v.PathValue("name"), "", "")
	return v.go303(page.Link("/teams/"+v.PathValue("name"), "done", "asked"))
}
