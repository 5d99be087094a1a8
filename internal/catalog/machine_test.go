package catalog_test

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// A team stays as long as a token lets a machine act for it.
func TestTeamOfMachinesStays(t *testing.T) {
	pipe, s := teamsPipe(t, filepath.Join(t.TempDir(), "stoa.db"))
	admin := auth.Principal{Name: "user/ann", Platform: auth.PlatformAdmin}
	apply := func(drafts ...*admission.Draft) error {
		_, err := pipe.Apply(t.Context(), &admission.Change{By: admin, Drafts: drafts})
		return err
	}
	if err := apply(named(t, "red"), named(t, "blue"), named(t, "green")); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, token := range []auth.Token{
		{ID: "both0000", Name: "both", Principal: "token/both", Teams: []string{"blue", "red"}, Created: now},
		{ID: "red00000", Name: "ci", Principal: "token/ci", Teams: []string{"red"}, Created: now, Expires: now.Add(time.Hour)},
		{ID: "expired0", Name: "expired", Principal: "token/expired", Teams: []string{"red", "green"}, Created: now, Expires: now.Add(-time.Hour)},
		{ID: "revoked0", Name: "revoked", Principal: "token/revoked", Teams: []string{"red", "green"}, Created: now, Revoked: now},
		{ID: "person00", Name: "laptop", Principal: "user/ann", Teams: []string{"red", "green"}, Created: now},
	} {
		token.Hash[0] = token.ID[0]
		if err := s.CreateToken(t.Context(), token, nil, fact()); err != nil {
			t.Fatal(err)
		}
	}
	if err := apply(named(t, "-green")); err != nil {
		t.Errorf("a team whose machines let nobody in any more, nor a person's narrowed token: %v", err)
	}
	err := apply(named(t, "-red"))
	told := problem.From(err)
	if !problem.Is(err, problem.Conflict) || !slices.ContainsFunc(told.Next, func(next string) bool { return strings.HasPrefix(next, "stoa token revoke both0000") }) ||
		!slices.ContainsFunc(told.Next, func(next string) bool { return strings.HasPrefix(next, "stoa token revoke red00000") }) || len(told.Next) != 2 {
		t.Errorf("a team of two machines: %v, %q", err, told.Next)
	}
	for _, id := range []string{"both0000", "red00000"} {
		if err := s.RevokeToken(t.Context(), id, time.Now(), fact()); err != nil {
			t.Fatal(err)
		}
	}
	if err := apply(named(t, "-red"), named(t, "-blue")); err != nil {
		t.Errorf("once its tokens are revoked: %v", err)
	}
}

// Of a token and the end of its team, at the same moment, one does not come about.
func TestTokenAndEndOfItsTeam(t *testing.T) {
	for what, database := range map[string]func() string{
		"sqlite":   func() string { return filepath.Join(t.TempDir(), "stoa.db") },
		"postgres": func() string { return testenv.Postgres(t) },
	} {
		t.Run(what, func(t *testing.T) {
			pipe, s := teamsPipe(t, database())
			tokens := auth.New(s, catalog.Members{Objects: s}, time.Now, slog.New(slog.DiscardHandler))
			admin := auth.Principal{Name: "user/ann", Platform: auth.PlatformAdmin}
			apply := func(draft *admission.Draft) error {
				_, err := pipe.Apply(t.Context(), &admission.Change{By: admin, Drafts: []*admission.Draft{draft}})
				return err
			}
			for round := range 20 {
				team := fmt.Sprintf("team-%d", round)
				if err := apply(named(t, team)); err != nil {
					t.Fatal(err)
				}
				var made, ended error
				var both sync.WaitGroup
				both.Go(func() {
					_, _, made = tokens.CreateToken(t.Context(), admin, auth.CreateToken{Name: "ci", Teams: []string{team}})
				})
				both.Go(func() { ended = apply(named(t, "-"+team)) })
				both.Wait()
				if (made == nil) == (ended == nil) {
					t.Fatalf("round %d: the token %v, the end of the team %v", round, made, ended)
				}
			}
		})
	}
}

func fact() event.Event {
	return event.Event{Source: "/stoa/test", Type: "dev.stoa.test", Actor: "user/ann"}
}
