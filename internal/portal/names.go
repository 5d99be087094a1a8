package portal

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// people names pseudonyms, each looked up once for a page.
type people map[string]string

// person gives the name to show; a pseudonym whose name was erased says so.
func (n people) person(pseudonym string) string {
	if name, ok := n[pseudonym]; ok {
		return page.Person(name)
	}
	return page.Person(pseudonym)
}

func (p *Portal) people(ctx context.Context, pseudonyms []string) (people, error) {
	slices.Sort(pseudonyms)
	pseudonyms = slices.DeleteFunc(slices.Compact(pseudonyms), func(s string) bool { return s == "" })
	if len(pseudonyms) == 0 {
		return people{}, nil
	}
	return p.Ledger.Persons(ctx, pseudonyms...)
}

// author is who made an object, and when.
type author struct {
	actor string // a pseudonym
	at    time.Time
}

// authors tells who made each of the objects: the actor of its first version.
func (p *Portal) authors(ctx context.Context, kind string, names []string) (map[string]author, people, error) {
	made := map[string]author{}
	var actors []string
	for _, name := range names {
		if _, done := made[name]; done || name == "" {
			continue
		}
		first, err := p.Objects.History(ctx, kind, name, 2, 1)
		if err != nil {
			return nil, nil, err
		}
		if len(first) == 1 {
			made[name] = author{first[0].Actor, first[0].At}
			actors = append(actors, first[0].Actor)
		}
	}
	known, err := p.people(ctx, actors)
	return made, known, err
}

// reason gives why a release was made, as its maker said; "" when nothing was.
func (p *Portal) reason(ctx context.Context, rel delivery.Release) (string, error) {
	found, err := p.Ledger.Events(ctx, event.Filter{Types: []string{"dev.stoa.release.created"}, Subject: rel.Ref().String(), Newest: true, Limit: 1})
	if err != nil || len(found) == 0 {
		return "", err
	}
	var data struct {
		Reason string `json:"reason"`
	}
	if json.Unmarshal(found[0].Data, &data) != nil {
		return "", nil // erased, or nothing that we wrote
	}
	return data.Reason, nil
}

// subject is the first line of the commit that a release was made from.
func subject(rel delivery.Release) string {
	if rel.Spec.Origin == nil {
		return ""
	}
	return rel.Spec.Origin.Subject
}
