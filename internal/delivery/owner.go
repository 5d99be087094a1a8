package delivery

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// inferOwner finds the team of a new service: what was said, else CODEOWNERS
// and catalog-info.yaml as detected, else the only team of the person who
// releases, else the team of those who committed most, else one question.
func (d *Delivery) inferOwner(ctx context.Context, r object.Reader, c *admission.Change, rel *Release, s *catalog.Service, note *inferred) error {
	if rel.Metadata.Owner != "" {
		s.Metadata.Owner, note.ownerNote = rel.Metadata.Owner, "said"
		rel.Spec.Detected = setOwner(rel.Spec.Detected, detect.Setting{Field: "owner", Value: rel.Metadata.Owner, Source: "said", Confidence: 1})
		return nil
	}
	found, err := d.findOwner(ctx, r, c, rel)
	if err != nil {
		return err
	}
	s.Metadata.Owner, s.Spec.OwnerSource, note.ownerNote = found.Value, found.Source, found.Source
	rel.Spec.Detected = setOwner(rel.Spec.Detected, found)
	return nil
}

func (d *Delivery) findOwner(ctx context.Context, r object.Reader, c *admission.Change, rel *Release) (detect.Setting, error) {
	if team := rel.Spec.Answers["team"]; team != "" {
		return detect.Setting{Field: "owner", Value: team, Source: "answered", Confidence: 1}, nil
	}
	stated, guessed := ownerSettings(rel.Spec.Detected)
	if stated.Value != "" {
		known, err := exists(ctx, r, "Team", stated.Value)
		if err != nil {
			return stated, err
		}
		if known {
			return stated, d.mayOwn(c.By, stated)
		}
		// The source names a team that nobody has declared yet. Who may declare
		// one does so by releasing; it reads "unconfirmed" until someone looks.
		if mayCreateTeams(c.By, d.teamKind) {
			team := object.New[catalog.TeamSpec, struct{}](stated.Value, stated.Value, catalog.TeamSpec{})
			team.Metadata.Annotations = map[string]string{"stoa.dev/inferred-from": stated.Source}
			raw, err := team.Object()
			if err != nil {
				return stated, err
			}
			c.Add(&admission.Draft{Want: raw})
			return stated, nil
		}
	}
	teams := slices.Sorted(maps.Keys(c.By.Teams))
	if len(teams) == 1 {
		return detect.Setting{Field: "owner", Value: teams[0], Source: "the only team of who released it", Confidence: 0.7}, nil
	}
	if guessed.Value != "" {
		team, err := teamOfAuthor(ctx, r, rel.Spec.Origin)
		if err != nil {
			return guessed, err
		}
		if team != "" && auth.Allowed(c.By, auth.Create, d.serviceKind, team).Allowed {
			guessed.Value = team
			return guessed, nil
		}
	}
	if len(teams) == 0 {
		return detect.Setting{}, problem.New(problem.Invalid, "no team to own %s: you are in no team, and the source names none", rel.Spec.Service).
			Do("ask a team's owner to add you: stoa get teams", "or name the owning team in CODEOWNERS").ExplainedAt("/docs/teams")
	}
	text := fmt.Sprintf("which of your %d teams owns %s?", len(teams), rel.Spec.Service)
	return detect.Setting{}, ask(problem.Question{ID: "team", Field: "team", Text: text, Options: teams},
		[]string{"no CODEOWNERS or catalog-info.yaml names one"}, each("stoa up --team ", teams))
}

// mayOwn refuses who may not release for the team that the source names, and says
// where it stands: a person new to the source does not know, and may have a team of
// their own to try it with.
func (d *Delivery) mayOwn(by auth.Principal, owner detect.Setting) error {
	refused := auth.Allowed(by, auth.Create, d.serviceKind, owner.Value).Problem
	if refused == nil {
		return nil
	}
	refused.Because("owner " + owner.Value + " was read from " + owner.Source)
	for _, team := range slices.Sorted(maps.Keys(by.Teams)) {
		if auth.Allowed(by, auth.Create, d.serviceKind, team).Allowed {
			refused.Do("stoa up --team " + team + "    makes it a service of your own team")
		}
	}
	return refused
}

// ownerSettings gives the owner that the source states and the one guessed
// from its history.
func ownerSettings(settings []detect.Setting) (stated, guessed detect.Setting) {
	for _, s := range settings {
		switch {
		case s.Field != "owner":
		case s.Confidence >= detect.Unconfirmed:
			stated = s
		default:
			guessed = s
		}
	}
	return stated, guessed
}

// teamOfAuthor finds the team of the most frequent author that has one.
func teamOfAuthor(ctx context.Context, r object.Reader, origin *detect.Origin) (string, error) {
	if origin == nil || len(origin.TopAuthors) == 0 {
		return "", nil
	}
	users, err := object.All[catalog.User](ctx, r, object.Query{})
	if err != nil {
		return "", err
	}
	known := map[string]string{}
	for _, u := range users {
		known[object.SlugName(u.Metadata.Title)] = u.Metadata.Name
		known[u.Metadata.Name] = u.Metadata.Name
	}
	for _, author := range origin.TopAuthors {
		name, ok := known[object.SlugName(author.Name)]
		if !ok || name == "" {
			continue
		}
		_, teams, err := (catalog.Members{Objects: r}).Memberships(ctx, "user/"+name)
		if err != nil {
			return "", err
		}
		if len(teams) == 1 {
			for team := range teams {
				return team, nil
			}
		}
	}
	return "", nil
}

// keepOwner is the evidence for the owner that a service has: what the source
// says of that very team, else from where it was inferred, else that somebody
// has said it.
func keepOwner(settings []detect.Setting, s catalog.Service) []detect.Setting {
	stated, _ := ownerSettings(settings)
	switch {
	case s.Spec.OwnerSource == "":
		return setOwner(settings, detect.Setting{Field: "owner", Value: s.Metadata.Owner, Source: "said", Confidence: 1})
	case stated.Value == s.Metadata.Owner:
		return setOwner(settings, stated)
	}
	return setOwner(settings, detect.Setting{Field: "owner", Value: s.Metadata.Owner, Source: s.Spec.OwnerSource, Confidence: 0.7})
}

func setOwner(settings []detect.Setting, owner detect.Setting) []detect.Setting {
	kept := slices.DeleteFunc(slices.Clone(settings), func(s detect.Setting) bool { return s.Field == "owner" })
	return append(kept, owner)
}

func exists(ctx context.Context, r object.Reader, kind, name string) (bool, error) {
	_, err := r.Get(ctx, kind, name)
	if problem.Is(err, problem.NotFound) {
		return false, nil
	}
	return err == nil, err
}

func mayCreateTeams(p auth.Principal, team object.Kind) bool {
	return auth.Allowed(p, auth.Create, team, "").Err() == nil
}

// firstEnvironment is where a release goes when nothing is said: the
// environment with the lowest order.
func (d *Delivery) firstEnvironment(ctx context.Context, r object.Reader) string {
	found, err := object.All[catalog.Environment](ctx, r, object.Query{})
	if err != nil || len(found) == 0 {
		return "dev"
	}
	order := func(e catalog.Environment) int { return cmp.Or(e.Spec.Order, math.MaxInt) } // not said is last
	first := slices.MinFunc(found, func(a, b catalog.Environment) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), cmp.Compare(a.Metadata.Name, b.Metadata.Name))
	})
	return first.Metadata.Name
}

// known refuses the name of a team or an environment that there is not; "" is
// still to be inferred.
func known[O any, P object.Loader[O]](ctx context.Context, r object.Reader, what, name string) error {
	if name == "" {
		return nil
	}
	_, err := object.Get[O, P](ctx, r, name)
	if !problem.Is(err, problem.NotFound) {
		return err
	}
	page, err := r.List(ctx, object.Query{Kind: P(new(O)).KindName(), Limit: 1000})
	if err != nil {
		return err
	}
	var names []string
	for _, doc := range page.Items {
		names = append(names, doc.Name)
	}
	return problem.New(problem.NotFound, "there is no %s %s", what, name).Because(object.Suggest(name, names)).Do("stoa get " + what + "s")
}
