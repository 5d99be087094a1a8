package app

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/support"
)

// Over several whole months there are as many tickets for 100 users as in the least and
// the greatest of them, or between: not fewer for that more people are active in a year
// than in a month.
func TestTicketsOfSeveralMonthsLieBetweenThem(t *testing.T) {
	t.Parallel()
	s := emptyStore(t)
	declare(t, s, object.New[catalog.CapabilitySpec, struct{}]("logs", "red", catalog.CapabilitySpec{}))
	declare(t, s, object.New[catalog.TeamSpec, struct{}]("red", "red", catalog.TeamSpec{}))
	declare(t, s, object.New[catalog.TeamSpec, struct{}]("blue", "blue", catalog.TeamSpec{}))
	// Each person looks in now and then: of many in a year few are there in a month.
	start, dice := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC), rand.New(rand.NewPCG(7, 7))
	const days = 400
	var events []event.Event
	for i := range 700 {
		who, at := dice.IntN(80), start.Add(time.Duration(dice.IntN(days*24*60))*time.Minute)
		e := event.Event{ID: fmt.Sprint(i), Source: "https://example.org", Type: event.TypeUsage, Time: at, Actor: fmt.Sprint("user/", who), Team: []string{"red", "blue"}[who%2], Capability: "logs"}
		if i%7 == 0 {
			data, err := json.Marshal(map[string]any{"subject": map[string]any{"id": e.ID, "content": map[string]any{"ticketType": "question"}}})
			if err != nil {
				t.Fatal(err)
			}
			e.Type, e.Capability, e.Data = "dev.cdevents.ticket.created.0.2.0", "", data
		}
		events = append(events, e)
	}
	if _, err := s.AppendEvents(t.Context(), "user/root", events, nil); err != nil {
		t.Fatal(err)
	}
	if err := event.NewRunner(s, slices.Concat(adoption.Projectors(), support.Projectors()), event.RunnerOptions{}).CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	engine, err := measure.NewEngine(s, adoption.NewOrganisation(s, func() time.Time { return start.AddDate(0, 0, days) }), measures()...)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		ask := func(from, to int64, only map[measure.Dimension][]string) measure.Point {
			answer, err := engine.Ask(context.Background(), "tickets-per-100-users", measure.Scope{From: from, To: to, Only: only})
			if err != nil {
				t.Fatal(err)
			}
			return answer.Points[0]
		}
		only := map[measure.Dimension][]string{}
		if team := rapid.SampledFrom([]string{"", "red", "blue"}).Draw(t, "team"); team != "" {
			only[measure.ByTeam] = []string{team}
		}
		months := rapid.Int64Range(2, 12).Draw(t, "months")
		from := measure.Day(start) + rapid.Int64Range(5, days-30*months).Draw(t, "from")
		least, greatest := math.Inf(1), 0.0
		for month := range months {
			p := ask(from+30*month, from+30*(month+1), only)
			if p.Value == nil {
				t.Fatalf("a month has no value: %s", p.Note)
			}
			least, greatest = min(least, *p.Value), max(greatest, *p.Value)
		}
		whole := ask(from, from+30*months, only)
		if v := *whole.Value; v < least-1e-9 || v > greatest+1e-9 || whole.Interval.Low > v || whole.Interval.High < v {
			t.Errorf("%d months from day %d on have %g in %v, the least of them %g and the greatest %g", months, from, v, *whole.Interval, least, greatest)
		}
	})
}

func declare[S object.Spec](t *testing.T, s *store.Store, o object.Typed[S, struct{}]) {
	t.Helper()
	raw, err := o.Object()
	if err == nil {
		err = s.Write(t.Context(), "user/root", func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Put(ctx, raw)
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}
