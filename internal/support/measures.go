package support

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// Users gives the people who were active in each group and bucket of a view; their
// days count from a day on.
type Users func(ctx context.Context, v *measure.View, since int64) (map[measure.Key]measure.Users, error)

// DaysOfUse counts the working days on which the people of each group and bucket of a
// view were active.
type DaysOfUse func(ctx context.Context, v *measure.View) (map[measure.Key]int, error)

// month30 is a month in days, for rates.
const month30 = 30.0

// ofUsers tells what a rate for users is by capability.
const ofUsers = " By capability it is of the tickets about each and of the people who use it."

const sinceTheFirst = " Days before that of the first ticket or request of all do not count."

// Measures are those of tickets and requests. The users, and the working days on
// which each of them was active, come from the room that knows them.
func Measures(users Users, daysOfUse DaysOfUse) []measure.Measure {
	// Who uses a service is not known, so that there are no users of one to divide by.
	cutsOfUsers := []measure.Dimension{measure.ByTeam, measure.BySegment, measure.ByWave, measure.ByCapability}
	cuts := append(slices.Clone(cutsOfUsers), measure.ByService)
	used := func(ctx context.Context, v *measure.View, _ int64) (map[measure.Key]int, error) {
		return daysOfUse(ctx, v)
	}
	help := func(t ticket) bool { return t.kind != Feature }
	wish := func(t ticket) bool { return t.kind == Feature }
	return measure.Earliest("SELECT min(opened) FROM tickets").Of(
		measure.New(measure.Definition{
			Name: "tickets-per-100-users", Title: "Tickets for 100 users", Question: "How much help do people need?",
			Formula: "Tickets opened, without requests for features, ÷ months of the people who use the platform, for 100 of them in 30 days. The time is cut into pieces of 30 days, " +
				"counted back from its end: who was active in a piece counts a month in it. A first piece that is shorter has those who were active in the 30 days up to its end, " +
				"who count as much of a month as it has: a year is the mean of its months, though more people are active in a year than in any of them. " +
				"n is the number of people active in the time. The interval is exact for a Poisson count over the same months. The parts tell questions, faults and access apart." + ofUsers + sinceTheFirst,
			Unit: measure.Per100, Better: measure.Lower, Version: 4, Cuts: cutsOfUsers,
		}, among(users, help, func(t *tally, n measure.Users, _ measure.Bucket) { t.users = n }), perUsers, evidence(help)),
		measure.New(measure.Definition{
			Name: "tickets-per-100-daily-users", Title: "Tickets for 100 daily users", Question: "How much help do people need for as much use?",
			Formula: "Tickets opened, without requests for features, ÷ active people on a mean working day, for 100 of them in 30 days: who uses the platform every day counts for more " +
				"than who looks in once, so that groups can be set against each other that do not use it as much. n is the days of use, from Monday to Friday. " +
				"The interval is exact for a Poisson count." + ofUsers + sinceTheFirst,
			Unit: measure.Per100, Better: measure.Lower, Version: 2, Cuts: cutsOfUsers,
		}, among(used, help, func(t *tally, n int, b measure.Bucket) { t.used, t.workingDays = n, b.WorkingDays() }), perDailyUsers, evidence(help)),
		measure.New(measure.Definition{
			Name: "tickets-opened", Title: "Tickets opened", Question: "How many tickets came in?",
			Formula: "Tickets opened in the time, without requests for features.", Unit: measure.Count, Better: measure.Lower, Version: 1, Cuts: cuts,
		}, reading(help), func(t tally) measure.Estimate { return kinds(measure.Counted(t.n, t.n), t) }, evidence(help)),
		openMeasure(cuts, help),
		measure.New(measure.Definition{
			Name: "ticket-resolution-time", Title: "Time to resolve a ticket", Question: "How long does help take?",
			Formula: "From the opening of a ticket to its end, of the tickets opened in the time; median by Kaplan and Meier, those still open counting as waiting.",
			Unit:    measure.Seconds, Better: measure.Lower, Version: 1, Cuts: cuts,
		}, reading(help), resolution, evidence(help)),
		measure.New(measure.Definition{
			Name: "feature-requests", Title: "Feature requests a month", Question: "Do people tell us what they miss?",
			Formula: "Requests for features by distinct people, in 30 days: a person who asks three times in a month (UTC) counts once in it. Of what a machine tells without saying who asked " +
				"each request counts. Five to twenty a month is healthy for an active base." + sinceTheFirst,
			Unit: measure.PerMonth, Better: measure.Neither, Version: 2, Cuts: cuts,
		}, reading(wish), requests, evidence(wish)),
	)
}

// ticket is a row of the summary.
type ticket struct {
	seq, closes, actor, opened int64
	closed                     sql.NullInt64
	kind                       string
	cell                       measure.Cell
}

// tally is what the tickets of one group come to.
type tally struct {
	n     int
	users measure.Users
	used  int   // days of use
	days  int64 // of the bucket
	// workingDays are those of the bucket, where there is use.
	workingDays int
	kinds       map[string]int
	askers      map[asker]bool
	unsaid      int // of which nobody says who asked
	own         int // tickets of teams that run the platform, which are in none of the others
	waits       []stat.Wait
	backward    int
}

// asker is a person in a month, UTC.
type asker struct {
	actor int64
	month int
}

// among reads tickets and those whom they come from, or how much these used since the
// day of the first ticket: add puts that into the tally of a group and bucket, which
// may have no ticket of its own.
func among[N any](counted func(ctx context.Context, v *measure.View, since int64) (map[measure.Key]N, error), keep func(ticket) bool,
	add func(t *tally, n N, b measure.Bucket)) func(context.Context, *measure.View) (map[measure.Key]tally, error) {
	return func(ctx context.Context, v *measure.View) (map[measure.Key]tally, error) {
		found, err := read(ctx, v, keep)
		if err != nil {
			return nil, err
		}
		first, err := told(ctx, v.DB)
		if err != nil {
			return nil, err
		}
		people, err := counted(ctx, v, measure.DayOf(first.Int64))
		if err != nil {
			return nil, err
		}
		buckets := v.Buckets()
		for key, n := range people {
			t, b := found[key], buckets[key.Bucket]
			if first.Valid && measure.Micros(b.To) > first.Int64 { // somebody has told of a ticket by then
				t.days = recorded(b, first)
			}
			add(&t, n, b)
			found[key] = t
		}
		return found, nil
	}
}

// each calls do with every ticket that was opened in the view's time, with its
// group; eachBefore with those before it too. Those that are left out for being of a
// team that runs the platform go to own, unless it is nil.
func each(ctx context.Context, v *measure.View, keep func(ticket) bool, do func(group string, t ticket), own func(measure.Key)) error {
	return eachSince(ctx, v, measure.Micros(v.From), keep, do, own)
}

func eachBefore(ctx context.Context, v *measure.View, keep func(ticket) bool, do func(group string, t ticket)) error {
	return eachSince(ctx, v, math.MinInt64, keep, do, nil)
}

func eachSince(ctx context.Context, v *measure.View, since int64, keep func(ticket) bool, do func(group string, t ticket), own func(measure.Key)) error {
	rows, err := v.DB.Query(ctx, `SELECT seq, closes, team, service, capability, actor, kind, opened, closed FROM tickets WHERE opened >= $1 AND opened < $2`,
		since, measure.Micros(v.To))
	if err != nil {
		return fmt.Errorf("read tickets: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var t ticket
		if err := rows.Scan(&t.seq, &t.closes, &t.cell.Team, &t.cell.Service, &t.cell.Capability, &t.actor, &t.kind, &t.opened, &t.closed); err != nil {
			return fmt.Errorf("read tickets: %w", err)
		}
		t.cell.Day = measure.DayOf(t.opened)
		if !keep(t) {
			continue
		}
		if group, ok := v.Group(t.cell); ok {
			do(group, t)
		} else if key, ok := v.Own(t.cell); ok && own != nil {
			own(key)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read tickets: %w", err)
	}
	return nil
}

func reading(keep func(ticket) bool) func(context.Context, *measure.View) (map[measure.Key]tally, error) {
	return func(ctx context.Context, v *measure.View) (map[measure.Key]tally, error) { return read(ctx, v, keep) }
}

// read makes the tallies. Once any ticket has been told of, a bucket after it
// without one is a number too.
func read(ctx context.Context, v *measure.View, keep func(ticket) bool) (map[measure.Key]tally, error) {
	first, err := told(ctx, v.DB)
	if err != nil {
		return nil, err
	}
	known, err := measure.KnownUntil(ctx, v.DB, Tickets{}.Name())
	if err != nil {
		return nil, err
	}
	found := map[measure.Key]tally{}
	if !first.Valid {
		return found, nil
	}
	buckets := v.Buckets()
	if v.By == "" {
		for i, b := range buckets {
			if measure.Micros(b.To) > first.Int64 {
				found[measure.Key{Bucket: i}] = tally{days: recorded(b, first)}
			}
		}
	}
	return found, each(ctx, v, keep, func(group string, t ticket) {
		key := measure.Key{Group: group, Bucket: v.BucketOf(t.cell.Day)}
		b := buckets[key.Bucket]
		sum := found[key]
		if sum.kinds == nil {
			sum.kinds, sum.askers = map[string]int{}, map[asker]bool{}
		}
		sum.days = recorded(b, first)
		sum.n++
		sum.kinds[t.kind]++
		if t.actor == 0 {
			sum.unsaid++
		} else {
			date := measure.Date(t.cell.Day)
			sum.askers[asker{t.actor, 12*date.Year() + int(date.Month())}] = true
		}
		switch {
		case t.closed.Valid && t.closed.Int64 < t.opened:
			sum.backward++
		case t.closed.Valid:
			sum.waits = append(sum.waits, stat.Wait{Duration: float64(t.closed.Int64-t.opened) / 1e6, Event: true})
		default:
			sum.waits = append(sum.waits, stat.Wait{Duration: float64(max(0, known-t.opened)) / 1e6})
		}
		found[key] = sum
	}, func(key measure.Key) { // of no cut: the bucket is there
		sum := found[key]
		sum.own++
		found[key] = sum
	})
}

// recorded is how many days of a bucket lie after the first ticket of all: before it
// nobody told of any.
func recorded(b measure.Bucket, first sql.NullInt64) int64 {
	return b.To - max(b.From, measure.DayOf(first.Int64))
}

// told is when the first ticket was opened.
func told(ctx context.Context, db measure.Querier) (first sql.NullInt64, err error) {
	if err = db.QueryRow(ctx, "SELECT min(opened) FROM tickets").Scan(&first); err != nil {
		err = fmt.Errorf("read tickets: %w", err)
	}
	return first, err
}

func perUsers(t tally) measure.Estimate {
	switch {
	case t.users.People == 0:
		return measure.None("nobody was active in this time")
	case t.days == 0:
		return measure.None("nobody has told of a ticket by then")
	}
	months := float64(t.users.PersonDays) / month30
	rate, ok := stat.Rate(t.n, months/100)
	if !ok {
		return measure.None("nobody was active in this time")
	}
	return kinds(measure.Of(rate.Value, int64(t.users.People)).Within(rate.Interval).
		With("tickets", float64(t.n)).With("people", float64(t.users.People)).With("personMonths", months), t)
}

func perDailyUsers(t tally) measure.Estimate {
	if t.used == 0 {
		return measure.None("nobody was active on a working day of this time").With("tickets", float64(t.n))
	}
	daily := float64(t.used) / float64(t.workingDays)
	rate, ok := stat.Rate(t.n, daily/100*float64(t.days)/month30)
	if !ok {
		return measure.None("nobody has told of a ticket by then")
	}
	return measure.Of(rate.Value, int64(t.used)).Within(rate.Interval).With("tickets", float64(t.n)).With("dailyUsers", daily).Without(int64(t.own))
}

func kinds(e measure.Estimate, t tally) measure.Estimate {
	for kind, n := range t.kinds {
		if kind == "" {
			kind = "unsaid"
		}
		e = e.With(kind, float64(n))
	}
	return e.Without(int64(t.own))
}

func resolution(t tally) measure.Estimate {
	e, _ := measure.HalfOver(t.waits, "tickets", "closed", "no ticket was opened in this time")
	if t.backward > 0 {
		e = e.Noted("%d left out that were closed before they were opened", t.backward)
	}
	return e.Without(int64(t.own))
}

func requests(t tally) measure.Estimate {
	if t.days == 0 {
		return measure.None("no data in this time")
	}
	rate, ok := stat.Rate(len(t.askers)+t.unsaid, float64(t.days)/month30)
	if !ok {
		return measure.None("no data in this time")
	}
	people := map[int64]bool{}
	for a := range t.askers {
		people[a.actor] = true
	}
	e := measure.Of(rate.Value, int64(t.n)).Within(rate.Interval).With("requests", float64(t.n)).With("people", float64(len(people)))
	if t.unsaid > 0 {
		e = e.With("unsaid", float64(t.unsaid)).Noted("of %d nobody says who asked: each counts", t.unsaid)
	}
	return e.Without(int64(t.own))
}

func evidence(keep func(ticket) bool) func(context.Context, *measure.View, int64, int) ([]int64, error) {
	return func(ctx context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
		var all []int64
		err := each(ctx, v, keep, func(_ string, t ticket) {
			all = append(all, t.seq)
			if t.closes != 0 {
				all = append(all, t.closes)
			}
		}, nil)
		return measure.Page(all, after, limit), err
	}
}
