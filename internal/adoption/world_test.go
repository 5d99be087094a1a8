package adoption_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/governance"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/store"
)

// tester is a test, or an example of a property.
type tester interface {
	Helper()
	Fatal(...any)
	Errorf(string, ...any)
}

// world is a platform with an organisation and a ledger.
type world struct {
	t      tester
	s      *store.Store
	now    time.Time
	org    *adoption.Organisation
	engine *measure.Engine
}

// noon is the middle of a day of March 2026.
func noon(day int) time.Time { return time.Date(2026, 3, day, 12, 0, 0, 0, time.UTC) }

func day(day int) int64 { return measure.Day(noon(day)) }

// newWorld begins with the platform's own team and the capabilities deploy and logs.
func newWorld(t testing.TB, s *store.Store) *world {
	w := enter(t, s)
	w.user("root", catalog.UserSpec{Role: string(auth.PlatformAdmin)})
	w.team("platform", catalog.TeamSpec{Platform: true, Owners: []string{"root"}}, nil)
	w.capability("deploy", catalog.CapabilitySpec{QualifyingUse: `!use.type.startsWith("dev.cdevents.pipelinerun.")`})
	w.capability("logs", catalog.CapabilitySpec{})
	return w
}

// enter gives the world of a store.
func enter(t tester, s *store.Store) *world {
	w := &world{t: t, s: s, now: noon(31)}
	w.org = adoption.NewOrganisation(s, func() time.Time { return w.now })
	var err error
	if w.engine, err = measure.NewEngine(s, w.org, adoption.Measures(new(adoption.People))...); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) declare(o interface{ Object() (object.Object, error) }) {
	w.t.Helper()
	raw, err := o.Object()
	if err == nil {
		err = w.s.Write(context.Background(), "user/root", func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Put(ctx, raw)
			return err
		})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) remove(kind, name string) {
	w.t.Helper()
	err := w.s.Write(context.Background(), "user/root", func(ctx context.Context, tx *store.Tx) error { return tx.Delete(ctx, kind, name) })
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) team(name string, spec catalog.TeamSpec, labels map[string]string) {
	t := object.New[catalog.TeamSpec, struct{}](name, name, spec)
	t.Metadata.Labels = labels
	w.declare(&t)
}

func (w *world) user(name string, spec catalog.UserSpec) {
	u := object.New[catalog.UserSpec, struct{}](name, "", spec)
	w.declare(&u)
}

func (w *world) capability(name string, spec catalog.CapabilitySpec) {
	c := object.New[catalog.CapabilitySpec, struct{}](name, "platform", spec)
	w.declare(&c)
}

// add appends events and projects them.
func (w *world) add(events ...event.Event) {
	w.t.Helper()
	add(w.t, w.s, events...)
	project(w.t, w.s, 1000)
}

func (w *world) ask(name string, s measure.Scope) []measure.Point {
	w.t.Helper()
	answer, err := w.engine.Ask(context.Background(), name, s)
	if err != nil {
		w.t.Fatal(name, err)
	}
	return answer.Points
}

// one asks for a measure as a whole over days of March 2026.
func (w *world) one(name string, from, to int) measure.Point {
	w.t.Helper()
	return w.ask(name, measure.Scope{From: day(from), To: day(to)})[0]
}

// expect compares a value with what it should be; NaN is no data.
func (w *world) expect(what string, got measure.Point, value float64, n int64) {
	w.t.Helper()
	is := math.NaN()
	if got.Value != nil {
		is = *got.Value
	}
	if is != value && math.Abs(is-value) > 1e-9 || math.IsNaN(is) != math.IsNaN(value) || got.N != n {
		w.t.Errorf("%s: got %v of %d (%s), want %v of %d", what, is, got.N, got.Note, value, n)
	}
}

func fact(kind string, at time.Time, team string) event.Event {
	return event.Event{Source: "/stoa/test", Type: kind, Time: at, Team: team, Actor: "stoa/test"}
}

func deployed(at time.Time, team, service string, onPath bool) event.Event {
	e := event.Event{Source: "https://ci.example.org", Type: "dev.cdevents.service.deployed.0.3.0", Time: at, Team: team, Service: service, Actor: "stoa/delivery"}
	if onPath {
		e.Capability = "deploy"
	}
	return e
}

// exception lets a target stay away from a gate until a time.
// exception declares one as if that had been done at a time before.
func (w *world) exception(gate, target string, since, until time.Time) {
	w.t.Helper()
	e := object.New[governance.ExceptionSpec, struct{}]("out", "", governance.ExceptionSpec{Gate: gate, Target: target, Reason: "they have their own", Sunset: until})
	w.declare(&e)
	if err := w.s.Write(w.ctx(), "user/root", func(ctx context.Context, tx *store.Tx) error {
		done, err := tx.Exec(ctx, `UPDATE objects SET doc = replace(doc, '"created":"2026-12-01T00:00:00Z"', $1) WHERE kind = 'Exception' AND name = 'out'`,
			`"created":"`+since.Format(time.RFC3339)+`"`)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			return fmt.Errorf("%d exceptions moved: %w", n, err)
		}
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) ctx() context.Context { return context.Background() }
