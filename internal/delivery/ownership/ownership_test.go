package ownership

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

// declared is a store with people and teams: ann is the only member of fruit,
// bob of nuts and of fruit.
func declared(t *testing.T) *store.Store {
	t.Helper()
	kinds := catalog.Kinds()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "stoa.db"), store.Options{Fields: func(name string) []string {
		for _, k := range kinds {
			if k.Name == name {
				return k.Fields
			}
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	fruit := object.New[catalog.TeamSpec, struct{}]("fruit", "fruit", catalog.TeamSpec{Members: []string{"ann", "bob"}})
	nuts := object.New[catalog.TeamSpec, struct{}]("nuts", "nuts", catalog.TeamSpec{Owners: []string{"bob"}})
	ann := object.New[catalog.UserSpec, struct{}]("ann", "", catalog.UserSpec{})
	ann.Metadata.Title = "Ann Apple"
	bob := object.New[catalog.UserSpec, struct{}]("bob", "", catalog.UserSpec{})
	err = s.Write(t.Context(), "stoa/test", func(ctx context.Context, tx *store.Tx) error {
		for _, o := range []interface{ Object() (object.Object, error) }{&fruit, &nuts, &ann, &bob} {
			raw, err := o.Object()
			if err != nil {
				return err
			}
			if _, err := tx.Put(ctx, raw); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFind(t *testing.T) {
	s := declared(t)
	kinds := map[string]object.Kind{}
	for _, k := range catalog.Kinds() {
		kinds[k.Name] = k
	}
	f := Finder{Team: kinds["Team"], Service: kinds["Service"]}
	member := func(teams ...string) auth.Principal {
		p := auth.Principal{Name: "user/eve", Platform: auth.Viewer, Teams: map[string]auth.Role{}}
		for _, team := range teams {
			p.Teams[team] = auth.TeamMember
		}
		return p
	}
	admin := auth.Principal{Name: "user/admin", Platform: auth.PlatformAdmin}
	stated := func(team string) []detect.Setting {
		return []detect.Setting{{Field: "owner", Value: team, Source: "CODEOWNERS:3", Confidence: 0.9}}
	}
	guessed := []detect.Setting{{Field: "owner", Value: "ann-apple", Source: "9 of 10 commits in 90 days", Confidence: 0.3}}
	authors := func(names ...string) *detect.Origin {
		o := &detect.Origin{}
		for _, name := range names {
			o.TopAuthors = append(o.TopAuthors, detect.AuthorCount{Name: name, Commits: 5})
		}
		return o
	}
	for _, test := range []struct {
		name   string
		by     auth.Principal
		said   string
		answer string
		found  []detect.Setting
		origin *detect.Origin

		owner, source string
		confident     bool
		newTeam       bool
		question      bool
		kind          problem.Kind
		next          string
	}{
		{name: "said", by: member("nuts"), said: "fruit", found: stated("nuts"), owner: "fruit", source: "said", confident: true},
		{name: "answered", by: member("nuts", "fruit"), answer: "nuts", owner: "nuts", source: "answered", confident: true},
		{name: "stated by the source", by: member("nuts", "fruit"), found: stated("fruit"), owner: "fruit", source: "CODEOWNERS:3", confident: true},
		{name: "stated, by who is not in it", by: member("nuts"), found: stated("fruit"), kind: problem.Forbidden, next: "stoa up --team nuts    makes it a service of your own team"},
		{name: "stated, by the platform's people", by: admin, found: stated("fruit"), owner: "fruit", source: "CODEOWNERS:3", confident: true},
		{name: "stated and unknown, by who may declare it", by: admin, found: stated("berries"), owner: "berries", source: "CODEOWNERS:3", newTeam: true, confident: true},
		{name: "stated and unknown, by who may not", by: member("nuts"), found: stated("berries"), owner: "nuts", source: "the only team of who released it", confident: true},
		{name: "the only team", by: member("nuts"), owner: "nuts", source: "the only team of who released it", confident: true},
		{name: "the only team before the authors'", by: member("nuts"), found: guessed, origin: authors("Ann Apple"), owner: "nuts", source: "the only team of who released it", confident: true},
		{name: "the team of who commits most", by: member("nuts", "fruit"), found: guessed, origin: authors("Stranger", "Ann Apple"), owner: "fruit", source: "9 of 10 commits in 90 days"},
		{name: "an author in two teams says nothing", by: member("nuts", "fruit"), found: guessed, origin: authors("bob"), question: true, kind: problem.Invalid},
		{name: "two teams", by: member("nuts", "fruit"), question: true, kind: problem.Invalid},
		{name: "no team", by: member(), kind: problem.Invalid},
		{name: "no team and strangers", by: member(), found: guessed, origin: authors("Stranger"), kind: problem.Invalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			found, err := f.Find(t.Context(), s, test.by, Asked{Service: "shop", Said: test.said, Answer: test.answer, Detected: test.found, Origin: test.origin})
			if test.kind != "" {
				told := problem.From(err)
				if told.Kind != test.kind || (told.Question != nil) != test.question || len(told.Next) == 0 {
					t.Fatalf("it is told %v, question %v, next %q", err, told.Question, told.Next)
				}
				if test.next != "" && (!slices.Contains(told.Next, test.next) || !slices.Contains(told.Why, "owner fruit was read from CODEOWNERS:3")) {
					t.Errorf("why %q, next %q, want %q", told.Why, told.Next, test.next)
				}
				return
			}
			if err != nil || found.Value != test.owner {
				t.Fatalf("owner %q, %v", found.Value, err)
			}
			if found.Source != test.source || (found.Confidence >= detect.Unconfirmed) != test.confident {
				t.Errorf("the evidence is %+v, want %q", found.Setting, test.source)
			}
			if (found.Declares != nil) != test.newTeam {
				t.Errorf("it declares %v, a new team %v", found.Declares, test.newTeam)
			}
			settings := With(append(test.found, detect.Setting{Field: "port", Value: "8080"}), found.Setting)
			if last := settings[len(settings)-1]; last != found.Setting || settings[0].Field != "port" || len(settings) != 2 {
				t.Errorf("among the settings it is %+v", settings)
			}
		})
	}
}
