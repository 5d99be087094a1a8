package adoption_test

import (
	"context"
	"maps"
	"testing"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/store"
)

// compareUsers counts the users of a scope a second time, day by day, those of a
// view that several measures share too.
func compareUsers(w *world, scope measure.Scope, events []event.Event, since int64, compared map[string]int) {
	w.t.Helper()
	alone, err := w.engine.View(context.Background(), scope)
	if err != nil {
		w.t.Fatal(err)
	}
	got, err := new(adoption.People).Users(context.Background(), alone, since)
	if err != nil {
		w.t.Fatal(err)
	}
	shared, err := new(adoption.People).Users(context.Background(), measure.NewView(alone.DB, alone.Org, scope).Share(), since)
	if err != nil || !maps.Equal(got, shared) {
		w.t.Errorf("users of %+v: %v, of a view that is shared %v, %v", scope, got, shared, err)
	}
	groups := map[measure.Dimension][]string{"": {""}, measure.ByTeam: {"blue", "green", "new", "red", "none"}, measure.BySegment: {"data", "web", "none"}}[scope.By]
	for i, b := range scope.Buckets() {
		for _, group := range groups {
			h := history{events: events, by: scope.By, group: group}
			var want measure.Users
			if want.People = len(h.active(measure.Date(b.From), measure.Date(b.To))); want.People > 0 {
				compared["users"]++
				for day := b.From; day < b.To; day++ {
					if end := b.To - (b.To-1-day)/30*30; day >= since {
						want.PersonDays += int64(len(h.active(measure.Date(end-30), measure.Date(end))))
					}
				}
			}
			if is := got[measure.Key{Group: group, Bucket: i}]; is != want {
				w.t.Errorf("users of %q on days %v since %d: %+v, want %+v", group, b, since, is, want)
			}
		}
	}
}

// TestUsersArePeopleOfEachMonth: who uses the platform once a month is a user in every
// month, however long a time is looked at.
func TestUsersArePeopleOfEachMonth(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.team("red", catalog.TeamSpec{}, nil)
		// ann in each of three times of 30 days from the 1st of March on, bob in the first, cid in the last.
		for day, who := range map[int]string{2: "ann", 3: "bob", 40: "ann", 75: "ann", 76: "cid"} {
			w.add(usageEvent(noon(day), "user/"+who, "red", "logs", 1))
		}
		for name, c := range map[string]struct {
			from, to, since int
			want            measure.Users
		}{
			"the first":               {1, 31, 1, measure.Users{People: 2, PersonDays: 60}},
			"the second":              {31, 61, 1, measure.Users{People: 1, PersonDays: 30}},
			"all three":               {1, 91, 1, measure.Users{People: 3, PersonDays: 150}},
			"since the second begins": {1, 91, 31, measure.Users{People: 3, PersonDays: 90}},
			"since the midst of it":   {1, 91, 51, measure.Users{People: 3, PersonDays: 70}},
			"a week":                  {70, 77, 1, measure.Users{People: 2, PersonDays: 14}},
			"a week and a month":      {34, 71, 1, measure.Users{People: 1, PersonDays: 7}}, // nobody was there in the month
			"before the first use":    {-60, -30, -90, measure.Users{}},
		} {
			v, err := w.engine.View(t.Context(), measure.Scope{From: day(c.from), To: day(c.to)})
			if err != nil {
				t.Fatal(err)
			}
			got, err := new(adoption.People).Users(t.Context(), v, day(c.since))
			if err != nil || got[measure.Key{}] != c.want {
				t.Errorf("users of %s: %+v, %v, want %+v", name, got[measure.Key{}], err, c.want)
			}
		}
	})
}
