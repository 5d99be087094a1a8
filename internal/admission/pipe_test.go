package admission_test

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// fruitSpec is a kind of its own: the pipe knows none of the platform's.
type fruitSpec struct {
	Colour string `json:"colour,omitempty" jsonschema:"enum=red,enum=green"`
	Weight int    `json:"weight,omitempty" jsonschema:"minimum=0"`
	Tree   string `json:"tree,omitempty"`
	Note   string `json:"note,omitempty"`
}

func (fruitSpec) Kind() string { return "Fruit" }

type teamSpec struct{}

func (teamSpec) Kind() string { return "Team" }

type fruit = object.Typed[fruitSpec, map[string]string]

var kinds = []object.Kind{
	{Name: "Team", Plural: "teams", Spec: teamSpec{}, Scope: object.ScopeOwners},
	{
		Name: "Fruit", Plural: "fruits", Spec: fruitSpec{}, Owned: true, Scope: object.ScopeTeam,
		References: func(o object.Object) []object.Reference {
			if tree := treeOf(o); tree != "" {
				return []object.Reference{{Path: "spec.tree", Ref: object.Ref{Kind: "Fruit", Name: tree}}}
			}
			return nil
		},
	},
}

func treeOf(o object.Object) string {
	_, after, _ := strings.Cut(string(o.Spec), `"tree":"`)
	tree, _, _ := strings.Cut(after, `"`)
	return tree
}

// bench is a pipe on a store with the team "own".
type bench struct {
	*admission.Pipe
	store *store.Store
	jobs  []store.Job // that were inserted and committed or not
	steps []string    // in the order in which they were taken
	uses  []event.Use // that were counted
}

// Record implements admission.Usage.
func (b *bench) Record(u event.Use) { b.uses = append(b.uses, u) }

// InsertTx implements store.Enqueuer.
func (b *bench) InsertTx(_ context.Context, _ *sql.Tx, jobs []store.Job) error {
	b.jobs = append(b.jobs, jobs...)
	return nil
}

// Committed implements store.Enqueuer.
func (b *bench) Committed() { b.steps = append(b.steps, "committed") }

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newBench(t *testing.T, url string, change func(*admission.Options, *bench)) *bench {
	t.Helper()
	s, err := store.Open(t.Context(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	registry, err := object.NewRegistry(kinds...)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{store: s}
	s.UseJobs(b)
	o := admission.Options{Store: s, Kinds: registry, Usage: b, Clock: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&o, b)
	}
	if b.Pipe, err = admission.New(o); err != nil {
		t.Fatal(err)
	}
	err = s.Write(t.Context(), "stoa/test", func(ctx context.Context, tx *store.Tx) error {
		for _, name := range []string{"own", "other"} {
			if _, err := tx.Put(ctx, object.Object{APIVersion: object.APIVersion, Kind: "Team", Metadata: object.Metadata{Name: name, Owner: name}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func onBoth(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "stoa.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, testenv.Postgres(t)) })
}

var member = auth.Principal{Name: "user/mel", Platform: auth.Viewer, Teams: map[string]auth.Role{"own": auth.TeamMember}}

func of(name, owner string, spec fruitSpec) object.Object {
	f := object.New[fruitSpec, map[string]string](name, owner, spec)
	raw, err := f.Object()
	if err != nil {
		panic(err)
	}
	return raw
}

func change(wants ...object.Object) *admission.Change {
	c := &admission.Change{By: member, Surface: "api", Capability: "orchard", Reason: "because"}
	for _, want := range wants {
		c.Add(&admission.Draft{Want: want})
	}
	return c
}

func remove(name string) *admission.Change {
	c := change()
	c.Add(&admission.Draft{Want: object.Object{Kind: "Fruit", Metadata: object.Metadata{Name: name}}, Delete: true})
	return c
}

func (b *bench) events(t *testing.T) []event.Record {
	t.Helper()
	all, err := b.store.Events(t.Context(), event.Filter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (b *bench) get(t *testing.T, name string) (fruit, error) {
	t.Helper()
	return object.Get[fruit](t.Context(), b.store, name)
}

// recorder notes every step that the pipe takes.
func recorder(o *admission.Options, b *bench) {
	note := func(step string, d *admission.Draft) {
		b.steps = append(b.steps, step+" "+d.Want.Metadata.Name)
	}
	o.Rules = []admission.Rule{{
		Kind: "Fruit",
		Infer: func(_ context.Context, _ object.Reader, c *admission.Change, d *admission.Draft) error {
			note("infer", d)
			if d.Want.Metadata.Name == "apple" {
				c.Add(&admission.Draft{Want: of("pip", "own", fruitSpec{Colour: "green"})})
			}
			return nil
		},
		Admit: func(_ context.Context, _ object.Reader, _ *admission.Change, d *admission.Draft) error {
			note("admit", d)
			return nil
		},
		Initial: func(_ *admission.Change, d *admission.Draft, verdicts []problem.Verdict) (any, error) {
			note("initial", d)
			return map[string]string{"verdicts": fmt.Sprint(len(verdicts))}, nil
		},
		Plan: func(_ context.Context, _ *admission.Change, d *admission.Draft, stored object.Object) (admission.Plan, error) {
			note("plan", d)
			return admission.Plan{
				Events: []event.Event{{Source: "/stoa/test", Type: "dev.stoa.fruit.planned", Subject: stored.Ref().String(), Actor: "stoa/test"}},
				Jobs:   []store.Job{{Kind: "grow", Args: stored.Metadata.Name}},
				Also: func(context.Context, *store.Tx) error {
					note("also", d)
					return nil
				},
			}, nil
		},
	}}
	o.Gates = []admission.Gate{gate(func(*admission.Change) []problem.Verdict {
		b.steps = append(b.steps, "gate")
		return []problem.Verdict{{Gate: "test/one", Outcome: problem.Allow}}
	})}
}

type gate func(c *admission.Change) []problem.Verdict

func (g gate) Check(_ context.Context, _ object.Reader, c *admission.Change) ([]problem.Verdict, error) {
	return g(c), nil
}

func TestOrderOfSteps(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		b := newBench(t, url, recorder)
		result, err := b.Apply(t.Context(), change(of("apple", "own", fruitSpec{Colour: "red"})))
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			"infer apple", "infer pip", "admit apple", "admit pip", "gate", "initial apple", "initial pip",
			"plan apple", "also apple", "plan pip", "also pip", "committed", "committed",
		}
		if !slices.Equal(b.steps, want) {
			t.Errorf("steps\n%q, want\n%q", b.steps, want)
		}
		if len(result.Items) != 2 || result.Items[0].Outcome != admission.Created || result.Items[1].Name != "pip" || len(result.Verdicts) != 1 {
			t.Errorf("result %+v", result)
		}
		if f, err := b.get(t, "apple"); err != nil || f.Status["verdicts"] != "1" || f.Metadata.Version != 1 {
			t.Errorf("stored %+v, %v", f, err)
		}
		var told []string
		for _, e := range b.events(t) {
			told = append(told, e.Type+" "+e.Subject+" "+e.Team)
		}
		if want := []string{"dev.stoa.fruit.created fruit/apple own", "dev.stoa.fruit.planned fruit/apple ", "dev.stoa.fruit.created fruit/pip own", "dev.stoa.fruit.planned fruit/pip "}; !slices.Equal(told, want) {
			t.Errorf("events\n%q, want\n%q", told, want)
		}
		if data := string(b.events(t)[0].Data); !strings.Contains(data, `"because"`) || !strings.Contains(data, `"api"`) {
			t.Errorf("the event tells %s", data)
		}
		if len(b.jobs) != 2 {
			t.Errorf("jobs %v", b.jobs)
		}

		// The same again changes nothing and tells nothing of a change.
		b.steps = nil
		if result, err = b.Apply(t.Context(), change(of("apple", "own", fruitSpec{Colour: "red"}))); err != nil || result.Items[0].Outcome != admission.Unchanged {
			t.Errorf("the same again: %+v, %v", result, err)
		}
		if f, _ := b.get(t, "apple"); f.Metadata.Version != 1 || f.Status["verdicts"] != "1" {
			t.Errorf("stored %+v", f)
		}
		// A change names its fields, and leaves what is not the client's.
		result, err = b.Apply(t.Context(), change(of("apple", "", fruitSpec{Colour: "green"})))
		if err != nil || result.Items[0].Outcome != admission.Updated || len(result.Items[0].Changes) == 0 {
			t.Errorf("a change: %+v, %v", result, err)
		}
		if f, _ := b.get(t, "apple"); f.Metadata.Owner != "own" || f.Status["verdicts"] != "1" || f.Spec.Colour != "green" {
			t.Errorf("stored %+v", f)
		}
	})
}

// A dry run takes every step and leaves no trace.
func TestDryRun(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		b := newBench(t, url, recorder)
		c := change(of("apple", "own", fruitSpec{}))
		c.DryRun = true
		result, err := b.Apply(t.Context(), c)
		if err != nil || !result.DryRun || len(result.Items) != 2 || result.Items[0].Outcome != admission.Created {
			t.Errorf("result %+v, %v", result, err)
		}
		if !slices.Contains(b.steps, "also pip") || slices.Contains(b.steps, "committed") {
			t.Errorf("steps %q", b.steps)
		}
		if _, err := b.get(t, "apple"); !problem.Is(err, problem.NotFound) {
			t.Errorf("it is stored: %v", err)
		}
		if all := b.events(t); len(all) > 0 {
			t.Errorf("events %+v", all)
		}
	})
}

// Everything that is wrong is told at once, with its place, and nothing is changed.
func TestAllWrongFields(t *testing.T) {
	b := newBench(t, filepath.Join(t.TempDir(), "stoa.db"), nil)
	const text = `apiVersion: stoa.dev/v1
kind: Fruit
metadata: {name: apple, owner: own}
spec:
  colour: blue
  weight: -1
---
apiVersion: stoa.dev/v1
kind: Fruit
metadata: {name: pear, owner: own}
spec: {tree: none-such}
---
apiVersion: stoa.dev/v1
kind: Fruit
metadata: {name: plum, owner: own}
spec: {tree: pear}
---
apiVersion: stoa.dev/v1
kind: Fruit
metadata: {name: quince, owner: own}
spec: {flavour: sour}
`
	parsed, err := object.Decode(strings.NewReader(text), "fruit.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := change()
	for i := range parsed {
		c.Add(&admission.Draft{Want: parsed[i].Object, Label: parsed[i].Source, Lines: parsed[i].Line})
	}
	_, err = b.Apply(t.Context(), c)
	told := problem.From(err)
	var got []string
	for _, f := range told.Fields {
		got = append(got, fmt.Sprintf("%s %d %s", f.Source, f.Line, f.Path))
	}
	want := []string{"fruit.yaml 5 spec.colour", "fruit.yaml 6 spec.weight", "fruit.yaml 11 spec.tree", "fruit.yaml 21 spec.flavour"}
	if told.Kind != problem.Invalid || !slices.Equal(got, want) {
		t.Errorf("fields\n%q, want\n%q (%v)", got, want, err)
	}
	if _, err := b.get(t, "plum"); !problem.Is(err, problem.NotFound) {
		t.Errorf("the good one is stored: %v", err)
	}
	for what, want := range map[string]object.Object{
		"no owner": of("fig", "", fruitSpec{}), "an unknown kind": {Kind: "Nut", Metadata: object.Metadata{Name: "fig"}},
	} {
		c := change(want)
		c.By = auth.Principal{Name: "user/admin", Platform: auth.PlatformAdmin}
		if _, err := b.Apply(t.Context(), c); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What a rule inferred and was overtaken is inferred anew; a version that the
// client itself names is the client's to read again.
func TestConflicts(t *testing.T) {
	inferred := 0
	b := newBench(t, filepath.Join(t.TempDir(), "stoa.db"), func(o *admission.Options, b *bench) {
		o.Rules = []admission.Rule{{Kind: "Fruit", Infer: func(ctx context.Context, r object.Reader, c *admission.Change, d *admission.Draft) error {
			if d.Want.Metadata.Name != "apple" {
				return nil
			}
			inferred++
			basket, err := object.Get[fruit](ctx, r, "basket")
			if err != nil {
				return err
			}
			basket.Spec.Weight++
			raw, err := basket.Object()
			if err != nil {
				return err
			}
			c.Add(&admission.Draft{Want: raw})
			if inferred > 2 {
				return nil
			}
			// Somebody else is faster, twice.
			return b.store.Write(ctx, "stoa/other", func(ctx context.Context, tx *store.Tx) error {
				_, err := object.Update(ctx, tx, "basket", func(f *fruit) error { f.Spec.Weight += 10; return nil })
				return err
			})
		}}}
	})
	if _, err := b.Apply(t.Context(), change(of("basket", "own", fruitSpec{}))); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Apply(t.Context(), change(of("apple", "own", fruitSpec{}))); err != nil {
		t.Fatal(err)
	}
	if f, _ := b.get(t, "basket"); inferred != 3 || f.Spec.Weight != 21 {
		t.Errorf("inferred %d times, weight %d; want 3 and 21", inferred, f.Spec.Weight)
	}
	stale := of("basket", "own", fruitSpec{})
	stale.Metadata.Version = 1
	if _, err := b.Apply(t.Context(), change(stale)); !problem.Is(err, problem.Conflict) {
		t.Errorf("a stale version: %v", err)
	}
	created := change(of("basket", "own", fruitSpec{}))
	created.Drafts[0].CreateOnly = true
	if _, err := b.Apply(t.Context(), created); !problem.Is(err, problem.Conflict) {
		t.Errorf("one that is there already: %v", err)
	}
}

// dry makes the change one that is only tried.
func dry(c *admission.Change) *admission.Change {
	c.DryRun = true
	return c
}

// What is not allowed is refused whole, and counted.
func TestAuthorization(t *testing.T) {
	b := newBench(t, filepath.Join(t.TempDir(), "stoa.db"), func(o *admission.Options, _ *bench) {
		o.Rules = []admission.Rule{{Kind: "Fruit", Infer: func(_ context.Context, _ object.Reader, _ *admission.Change, d *admission.Draft) error {
			if d.Want.Metadata.Name == "poison" {
				return problem.New(problem.Forbidden, "nobody may bring poison")
			}
			return nil
		}}}
	})
	admin := auth.Principal{Name: "user/admin", Platform: auth.PlatformAdmin}
	for _, owner := range []string{"own", "other"} {
		c := change(of(owner+"-fruit", owner, fruitSpec{}))
		c.By = admin
		if _, err := b.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	for what, test := range map[string]struct {
		change *admission.Change
		want   problem.Kind
		wanted string // that is counted as refused
	}{
		"create in the own team":     {change(of("new", "own", fruitSpec{})), "", ""},
		"create in another":          {change(of("new-other", "other", fruitSpec{})), problem.Forbidden, "create Fruit"},
		"one of two is another's":    {change(of("new-two", "own", fruitSpec{}), of("other-fruit", "", fruitSpec{Weight: 1})), problem.Forbidden, "update Fruit"},
		"take from another":          {change(of("other-fruit", "own", fruitSpec{})), problem.Forbidden, "update Fruit"},
		"give to another":            {change(of("own-fruit", "other", fruitSpec{})), problem.Forbidden, "update Fruit"},
		"delete another's":           {remove("other-fruit"), problem.Forbidden, "delete Fruit"},
		"try to delete another's":    {dry(remove("other-fruit")), problem.Forbidden, ""},
		"delete what is not there":   {remove("none"), problem.NotFound, ""},
		"update without naming whom": {change(of("own-fruit", "", fruitSpec{Weight: 2})), "", ""},
		"change what no role allows": {change(object.Object{Kind: "Team", Metadata: object.Metadata{Name: "secret-plan", Owner: "secret-plan"}}), problem.Forbidden, "update Team"},
		"what a room forbids":        {change(of("poison", "own", fruitSpec{})), problem.Forbidden, "create Fruit"},
	} {
		b.uses = nil
		_, err := b.Apply(t.Context(), test.change)
		// Who and what, and nothing of what they wrote.
		var counted []event.Use
		if test.wanted != "" {
			counted = []event.Use{{Actor: "user/mel", Team: "own", Capability: "orchard", Surface: "api", Refused: test.wanted}}
		}
		if !slices.Equal(b.uses, counted) {
			t.Errorf("%s: counted %+v, want %+v", what, b.uses, counted)
		}
		if test.want == "" && err != nil || test.want != "" && !problem.Is(err, test.want) {
			t.Errorf("%s: %v, want %q", what, err, test.want)
		}
	}
	if _, err := b.get(t, "new-two"); !problem.Is(err, problem.NotFound) {
		t.Errorf("half of a forbidden change is stored: %v", err)
	}
}

// An object with finalizers stays until they are gone; meanwhile it does not change.
func TestDeletion(t *testing.T) {
	b := newBench(t, filepath.Join(t.TempDir(), "stoa.db"), func(o *admission.Options, b *bench) {
		o.Rules = []admission.Rule{{
			Kind: "Fruit",
			Admit: func(_ context.Context, _ object.Reader, _ *admission.Change, d *admission.Draft) error {
				switch {
				case d.Delete && d.Old.Metadata.Name == "kept":
					return problem.New(problem.Conflict, "it is still eaten")
				case d.Old == nil && !d.Delete:
					d.Want.Metadata.Finalizers = []string{"gardener"}
				}
				return nil
			},
			Plan: func(_ context.Context, _ *admission.Change, d *admission.Draft, _ object.Object) (admission.Plan, error) {
				if !d.Delete {
					return admission.Plan{}, nil
				}
				return admission.Plan{Jobs: []store.Job{{Kind: "fell"}}}, nil
			},
		}}
	})
	mine := of("apple", "own", fruitSpec{})
	mine.Metadata.Finalizers = []string{"the client's"}
	if _, err := b.Apply(t.Context(), change(mine, of("kept", "own", fruitSpec{}))); err != nil {
		t.Fatal(err)
	}
	if f, _ := b.get(t, "apple"); !slices.Equal(f.Metadata.Finalizers, []string{"gardener"}) {
		t.Errorf("finalizers %q", f.Metadata.Finalizers)
	}
	if _, err := b.Apply(t.Context(), remove("kept")); !problem.Is(err, problem.Conflict) {
		t.Errorf("what a rule keeps: %v", err)
	}
	for i, want := range []admission.Outcome{admission.Deleted, admission.Unchanged} {
		result, err := b.Apply(t.Context(), remove("apple"))
		if err != nil || result.Items[0].Outcome != want || len(b.jobs) != i+1 {
			t.Errorf("deletion %d: %+v, %v, %d jobs", i, result, err, len(b.jobs))
		}
	}
	if _, err := b.Apply(t.Context(), change(of("apple", "own", fruitSpec{Weight: 3}))); !problem.Is(err, problem.Conflict) {
		t.Errorf("a change of what is going: %v", err)
	}
	deleted := 0
	for _, e := range b.events(t) {
		if e.Type == "dev.stoa.fruit.deleted" {
			deleted++
		}
	}
	if deleted != 1 {
		t.Errorf("the deletion was told %d times", deleted)
	}
}

// All gates speak; an exception lifts one verdict; what is left refuses and is
// recorded, outside of the change that was not made.
func TestGates(t *testing.T) {
	say := func(verdicts ...problem.Verdict) gate {
		return func(*admission.Change) []problem.Verdict { return slices.Clone(verdicts) }
	}
	deny := problem.Verdict{Gate: "test/deny", Outcome: problem.Deny, Message: "no fruit", Next: []string{"eat nuts"}, Decider: "@own"}
	approval := problem.Verdict{Gate: "test/approval", Outcome: problem.NeedsApproval, Message: "ask first"}
	warn := problem.Verdict{Gate: "test/warn", Outcome: problem.Warn}
	for name, test := range map[string]struct {
		gates  []admission.Gate
		lifted string
		title  string // of the refusal; "" is admitted
		said   int
	}{
		"none":               {nil, "", "", 0},
		"a warning":          {[]admission.Gate{say(warn)}, "", "", 1},
		"a denial":           {[]admission.Gate{say(warn), say(deny)}, "", "no fruit", 2},
		"an approval needed": {[]admission.Gate{say(approval)}, "", "ask first", 1},
		"one lifted":         {[]admission.Gate{say(deny)}, "test/deny", "", 1},
		"one of two lifted":  {[]admission.Gate{say(deny, approval)}, "test/deny", "ask first", 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, filepath.Join(t.TempDir(), "stoa.db"), func(o *admission.Options, _ *bench) {
				o.Gates, o.Lifter = test.gates, lifter(test.lifted)
			})
			result, err := b.Apply(t.Context(), change(of("apple", "own", fruitSpec{})))
			recorded := 0
			for _, e := range b.events(t) {
				if e.Type == "dev.stoa.gate.refused" {
					recorded++
					if e.Actor == "" || e.Team != "own" || e.Subject != "fruit/apple" || !strings.Contains(string(e.Data), test.title) ||
						e.Extensions["surface"] != "api" || e.Capability != "orchard" || e.Extensions["gate"] != map[string]string{"no fruit": "test/deny", "ask first": "test/approval"}[test.title] {
						t.Errorf("recorded %+v %s", e, e.Data)
					}
				}
			}
			if test.title == "" {
				if err != nil || len(result.Verdicts) != test.said || recorded != 0 {
					t.Errorf("%+v, %v, %d refusals recorded", result, err, recorded)
				}
				return
			}
			told := problem.From(err)
			if told.Kind != problem.Refused || told.Title != test.title || len(told.Verdicts) != test.said || recorded != 1 {
				t.Errorf("%v, verdicts %+v, %d refusals recorded", err, told.Verdicts, recorded)
			}
			way := "ask " + cmp.Or(told.Decider, "the platform team") + " for an exception from "
			if n := len(told.Next); n == 0 || !strings.HasPrefix(told.Next[n-1], way) {
				t.Errorf("next is %q, want %q at the end", told.Next, way)
			}
			if _, err := b.get(t, "apple"); !problem.Is(err, problem.NotFound) {
				t.Errorf("it is stored: %v", err)
			}
		})
	}
}

type lifter string

func (l lifter) Lift(_ context.Context, _ object.Reader, _ *admission.Change, v problem.Verdict) (string, error) {
	if v.Gate == string(l) {
		return "late-harvest", nil
	}
	return "", nil
}

// A failure of a rule or a gate is no refusal, changes nothing and is not recorded.
func TestFaults(t *testing.T) {
	boom := errors.New("boom")
	for name, options := range map[string]func(*admission.Options, *bench){
		"infer": func(o *admission.Options, _ *bench) {
			o.Rules = []admission.Rule{{Kind: "Fruit", Infer: func(context.Context, object.Reader, *admission.Change, *admission.Draft) error { return boom }}}
		},
		"plan": func(o *admission.Options, _ *bench) {
			o.Rules = []admission.Rule{{Kind: "Fruit", Plan: func(context.Context, *admission.Change, *admission.Draft, object.Object) (admission.Plan, error) {
				return admission.Plan{}, boom
			}}}
		},
	} {
		b := newBench(t, filepath.Join(t.TempDir(), "stoa.db"), options)
		if _, err := b.Apply(t.Context(), change(of("apple", "own", fruitSpec{}))); !errors.Is(err, boom) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := b.get(t, "apple"); !problem.Is(err, problem.NotFound) || len(b.events(t)) > 0 {
			t.Errorf("%s: stored (%v), events %+v", name, err, b.events(t))
		}
	}
	registry, err := object.NewRegistry(kinds...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admission.New(admission.Options{Kinds: registry, Rules: []admission.Rule{{Kind: "Fruit"}, {Kind: "Fruit"}}}); err == nil {
		t.Error("two rules for one kind are taken")
	}
}
