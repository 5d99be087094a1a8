// Package ownership finds the team that owns a service which is new here: what was
// said, else CODEOWNERS and catalog-info.yaml as detected, else the only team of the
// person who releases, else the team of those who committed most, else one question.
package ownership

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Finder finds owners. Its kinds are asked about in the permission table.
type Finder struct {
	Team, Service object.Kind
}

// Asked is what is known of a service that has no owner yet.
type Asked struct {
	Service  string
	Said     string           // the team that was named with the release, "" for none
	Answer   string           // to the question which team it is, "" where it was not asked
	Detected []detect.Setting // of the source
	Origin   *detect.Origin   // of the source; may be nil
}

// Found is an owner with the evidence. Declares is the team, where nobody has declared
// it yet and whoever releases may: it reads "unconfirmed" until someone looks.
type Found struct {
	detect.Setting
	Declares *object.Typed[catalog.TeamSpec, struct{}]
}

// Find finds the owner, or asks one question (problem.Invalid), or refuses who may not
// release for the team that the source names (problem.Forbidden).
func (f Finder) Find(ctx context.Context, r object.Reader, by auth.Principal, a Asked) (Found, error) {
	if a.Said != "" {
		return sure(a.Said, "said"), nil
	}
	if a.Answer != "" {
		return sure(a.Answer, "answered"), nil
	}
	stated, guessed := named(a.Detected)
	if stated.Value != "" {
		known, err := exists(ctx, r, "Team", stated.Value)
		if err != nil {
			return Found{}, err
		}
		if known {
			return Found{Setting: stated}, f.mayOwn(by, stated)
		}
		if auth.Allowed(by, auth.Create, f.Team, "").Allowed {
			team := object.New[catalog.TeamSpec, struct{}](stated.Value, stated.Value, catalog.TeamSpec{})
			team.Metadata.Annotations = map[string]string{"stoa.dev/inferred-from": stated.Source}
			return Found{stated, &team}, nil
		}
	}
	teams := slices.Sorted(maps.Keys(by.Teams))
	if len(teams) == 1 {
		return Found{Setting: owner(teams[0], "the only team of who released it", 0.7)}, nil
	}
	if guessed.Value != "" {
		team, err := teamOfAuthor(ctx, r, a.Origin)
		if err != nil {
			return Found{}, err
		}
		if team != "" && auth.Allowed(by, auth.Create, f.Service, team).Allowed {
			guessed.Value = team
			return Found{Setting: guessed}, nil
		}
	}
	if len(teams) == 0 {
		return Found{}, problem.New(problem.Invalid, "no team to own %s: you are in no team, and the source names none", a.Service).
			Do("ask a team's owner to add you: stoa get teams", "or name the owning team in CODEOWNERS").ExplainedAt("/docs/teams")
	}
	text := fmt.Sprintf("which of your %d teams owns %s?", len(teams), a.Service)
	return Found{}, problem.Ask(problem.Question{ID: "team", Field: "team", Text: text, Options: teams}, "stoa up --team ").
		Because("no CODEOWNERS or catalog-info.yaml names one")
}

func owner(team, source string, confidence float64) detect.Setting {
	return detect.Setting{Field: "owner", Value: team, Source: source, Confidence: confidence}
}

func sure(team, source string) Found { return Found{Setting: owner(team, source, 1)} }

// mayOwn refuses who may not release for the team that the source names, and says
// where it stands: a person new to the source does not know, and may have a team of
// their own to try it with.
func (f Finder) mayOwn(by auth.Principal, of detect.Setting) error {
	refused := auth.Allowed(by, auth.Create, f.Service, of.Value).Problem
	if refused == nil {
		return nil
	}
	refused.Because("owner " + of.Value + " was read from " + of.Source)
	for _, team := range slices.Sorted(maps.Keys(by.Teams)) {
		if auth.Allowed(by, auth.Create, f.Service, team).Allowed {
			refused.Do("stoa up --team " + team + "    makes it a service of your own team")
		}
	}
	return refused
}

// named gives the owner that the source states and the one guessed
// from its history.
func named(settings []detect.Setting) (stated, guessed detect.Setting) {
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

// Keep is the evidence for the owner that a service has: what the source
// says of that very team, else from where it was inferred, else that somebody
// has said it.
func Keep(settings []detect.Setting, s catalog.Service) []detect.Setting {
	stated, _ := named(settings)
	switch {
	case s.Spec.OwnerSource == "":
		return With(settings, owner(s.Metadata.Owner, "said", 1))
	case stated.Value == s.Metadata.Owner:
		return With(settings, stated)
	}
	return With(settings, owner(s.Metadata.Owner, s.Spec.OwnerSource, 0.7))
}

// With gives the settings with the owner in the place of any that they have.
func With(settings []detect.Setting, of detect.Setting) []detect.Setting {
	kept := slices.DeleteFunc(slices.Clone(settings), func(s detect.Setting) bool { return s.Field == "owner" })
	return append(kept, of)
}

func exists(ctx context.Context, r object.Reader, kind, name string) (bool, error) {
	_, err := r.Get(ctx, kind, name)
	if problem.Is(err, problem.NotFound) {
		return false, nil
	}
	return err == nil, err
}
