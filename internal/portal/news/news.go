// Package news tells what changed for teams and what of theirs ends soon, from
// what the ledger and the objects say. It is what the first page of a person
// says of the time since they looked last.
package news

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/governance"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

// Objects reads what is declared, with its history.
type Objects interface {
	object.Reader
	History(ctx context.Context, kind, name string, before int64, limit int) ([]store.Revision, error)
}

// Ledger reads what happened, and names the people in it.
type Ledger interface {
	Events(ctx context.Context, f event.Filter) ([]event.Record, error)
	Persons(ctx context.Context, pseudonyms ...string) (map[string]string, error)
}

// News is what concerns some teams.
type News struct {
	Objects Objects
	Ledger  Ledger
	Teams   []string
	Now     time.Time
}

// Bounds of what is told: how far back, how many events of each team and of the
// rules are read for it, and how many sentences are made of them.
const (
	back  = 14 * 24 * time.Hour
	read  = 60
	shown = 10
)

// soon is how long before its end an exception needs somebody.
const soon = 14 * 24 * time.Hour

// Exception is one with the team that it is for, or whose service it is for.
type Exception struct {
	governance.Exception
	Team string
}

// Exceptions are those for one of the teams, or for a service of theirs, in force or
// ended, in the order of their names.
func Exceptions(ctx context.Context, r object.Reader, teams ...string) ([]Exception, error) {
	all, err := object.All[governance.Exception](ctx, r, object.Query{})
	if err != nil {
		return nil, err
	}
	var theirs []Exception
	for _, e := range all {
		team, err := teamOf(ctx, r, e.Spec.Target)
		if err != nil {
			return nil, err
		}
		if slices.Contains(teams, team) {
			theirs = append(theirs, Exception{e, team})
		}
	}
	return theirs, nil
}

// teamOf gives the team that an exception's target is, or whose service it is; ""
// when there is no such service any more.
func teamOf(ctx context.Context, r object.Reader, target string) (string, error) {
	kind, name, _ := strings.Cut(target, "/")
	if kind == "team" {
		return name, nil
	}
	s, err := object.Get[catalog.Service](ctx, r, name)
	if problem.Is(err, problem.NotFound) {
		return "", nil
	}
	return s.Metadata.Owner, err
}

// Tell says what of the teams' ends soon, the first to end first, and what changed
// for them, the newest first, at most so many.
func (n News) Tell(ctx context.Context) ([]page.Need, []page.Change, error) {
	exceptions, err := Exceptions(ctx, n.Objects, n.Teams...)
	if err != nil {
		return nil, nil, err
	}
	changes, err := n.changes(ctx, n.ended(exceptions))
	return n.ending(exceptions), changes, err
}

// ending are the exceptions that end soon: whoever has one must mend what it
// excuses, or ask for more time.
func (n News) ending(exceptions []Exception) []page.Need {
	var needs []page.Need
	for _, e := range exceptions {
		if left := e.Spec.Sunset.Sub(n.Now); left <= 0 || left > soon {
			continue
		}
		needs = append(needs, page.Need{State: page.State{Level: page.Warn, Word: "ends soon"}, Title: "Exception " + e.Metadata.Name,
			Detail: fmt.Sprintf("Then %s holds for %s again. It was lifted because: %s", e.Spec.Gate, e.Spec.Target, e.Spec.Reason),
			Href:   "/teams/" + e.Team, Action: "Look", At: e.Spec.Sunset})
	}
	slices.SortStableFunc(needs, func(a, b page.Need) int { return a.At.Compare(b.At) })
	return needs
}

// The types of event that are news: what a team's services did, and what became
// of the rules that hold for them.
var (
	ofTeams = []string{"dev.cdevents.service.deployed.", "dev.cdevents.service.upgraded.", "dev.cdevents.service.rolledback.", "dev.cdevents.service.removed.",
		"dev.stoa.service.created", "dev.stoa.service.updated", "dev.stoa.service.deleted"}
	ofRules = []string{"dev.stoa.team.updated", "dev.stoa.exception.", "dev.stoa.quota.", "dev.stoa.policy."}
)

// changes are what the ledger tells of the teams, among what else changed for them.
func (n News) changes(ctx context.Context, all []page.Change) ([]page.Change, error) {
	var records []event.Record
	for _, team := range n.Teams {
		found, err := n.Ledger.Events(ctx, event.Filter{Team: team, Types: ofTeams, From: n.Now.Add(-back), Newest: true, Limit: read})
		if err != nil {
			return nil, err
		}
		records = append(records, found...)
	}
	rules, err := n.Ledger.Events(ctx, event.Filter{Types: ofRules, From: n.Now.Add(-back), Newest: true, Limit: read})
	if err != nil {
		return nil, err
	}
	records = append(records, rules...)
	slices.SortStableFunc(records, func(a, b event.Record) int { return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.Seq, a.Seq)) })

	teller := teller{News: n, told: map[string]bool{}}
	var actors []string
	for _, r := range records {
		if len(all) >= 2*shown { // what ended may stand between any of them
			break
		}
		c, err := teller.tell(ctx, r)
		if err != nil {
			return nil, err
		}
		if c.Says == "" {
			continue
		}
		c.At, c.By = r.Time, r.Actor
		if strings.HasPrefix(r.Type, "dev.cdevents.") {
			c.By = "" // a worker, which the release's page sees through
		} else {
			actors = append(actors, r.Actor)
		}
		all = append(all, c)
	}
	slices.SortStableFunc(all, func(a, b page.Change) int { return b.At.Compare(a.At) })
	all = all[:min(len(all), shown)]
	return all, n.name(ctx, all, actors)
}

// name puts people's names in the place of their pseudonyms.
func (n News) name(ctx context.Context, all []page.Change, actors []string) error {
	slices.Sort(actors)
	actors = slices.DeleteFunc(slices.Compact(actors), func(a string) bool { return a == "" })
	if len(actors) == 0 {
		return nil
	}
	known, err := n.Ledger.Persons(ctx, actors...)
	for i, c := range all {
		if c.By != "" {
			all[i].By = page.Person(cmp.Or(known[c.By], c.By))
		}
	}
	return err
}

// ended are the exceptions of the teams whose time ran out, of which no event tells.
func (n News) ended(exceptions []Exception) []page.Change {
	var changes []page.Change
	for _, e := range exceptions {
		if ago := n.Now.Sub(e.Spec.Sunset); ago >= 0 && ago < back {
			changes = append(changes, page.Change{At: e.Spec.Sunset, Icon: "shield-check", Href: "/teams/" + e.Team,
				Says: fmt.Sprintf("Exception %s ended: %s holds for %s again", e.Metadata.Name, e.Spec.Gate, e.Spec.Target)})
		}
	}
	return changes
}

// fact is what of an event's payload is told.
type fact struct {
	Version int64    `json:"version"`
	Changed []string `json:"changed"`
	Custom  struct {
		Release string `json:"release"`
	} `json:"customData"`
}
