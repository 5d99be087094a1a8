package support

import (
	"context"
	"database/sql"
	"fmt"
	"math"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// Counted counts something of the people who were active in each group and bucket of
// a view.
type Counted func(ctx context.Context, v *measure.View) (map[measure.Key]int, error)

// month30 is a month in days, for rates.
const month30 = 30.0

const sinceTheFirst = " Days before that of the first ticket or request of all do not count."

// Measures are those of tickets and requests. Active people, and the working days on
// which each of them was, come from the room that knows them.
func Measures(active, daysOfUse Counted) []measure.Measure {
	cuts := []measure.Dimension{measure.ByTeam, measure.BySegment, measure.ByWave}
	help := func(t ticket) bool { return t.kind != Feature }
	wish := func(t ticket) bool { return t.kind == Feature }
	return measure.Earliest("SELECT min(opened) FROM tickets").Of(
		measure.New(measure.Definition{
			Name: "tickets-per-100-users", Title: "Tickets for 100 users", Question: "How much help do people need?",
			Formula: "Tickets opened, without requests for features, ÷ active people of the same time, for 100 people in 30 days. The interval is exact for a Poisson " +
				"count. The parts tell questions, faults and access apart. Usual are 50 in a platform's first month, 10 by its sixth and 5 by its twelfth." + sinceTheFirst,
			Unit: measure.Per100, Better: measure.Lower, Version: 3, Cuts: cuts,
		}, among(active, help, func(t *tally, n int, _ measure.Bucket) { t.people = n }), perUsers, evidence(help)),
		measure.New(measure.Definition{
			Name: "tickets-per-100-daily-users", Title: "Tickets for 100 daily users", Question: "How much help do people need for as much use?",
			Formula: "Tickets opened, without requests for features, ÷ active people on a mean working day, for 100 of them in 30 days: who uses the platform every day counts for more " +
				"than who looks in once, so that groups can be set against each other that do not use it as much. n is the days of use, from Monday to Friday. " +
				"The interval is exact for a Poisson count." + sinceTheFirst,
			Unit: measure.Per100, Better: measure.Lower, Version: 2, Cuts: cuts,
		}, among(daysOfUse, help, func(t *tally, n int, b measure.Bucket) { t.used, t.workingDays = n, b.WorkingDays() }), perDailyUsers, evidence(help)),
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
	n, people int
	used      int   // days of use
	days      int64 // of the bucket
	// workingDays are those of the bucket, where there is use.
	workingDays int
	kinds       map[string]int
	askers      map[asker]bool
	unsaid      int // of which nobody says who asked
	waits       []stat.Wait
	backward    int
}

// asker is a person in a month, UTC.
type asker struct {
	actor int64
	month int
}

// among reads tickets and those whom they come from, or how much these used: add puts
// that into the tally of a group and bucket, which may have no ticket of its own.
func among(counted Counted, keep func(ticket) bool, add func(t *tally, n int, b measure.Bucket)) func(context.Context, *measure.View) (map[measure.Key]tally, error) {
	return func(ctx context.Context, v *measure.View) (map[measure.Key]tally, error) {
		found, err := read(ctx, v, keep)
		if err != nil {
			return nil, err
		}
		people, err := counted(ctx, v)
		if err != nil {
			return nil, err
		}
		first, err := told(ctx, v.DB)
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
// group; eachBefore with those before it too.
func each(ctx context.Context, v *measure.View, keep func(ticket) bool, do func(group string, t ticket)) error {
	return eachSince(ctx, v, measure.Micros(v.From), keep, do)
}

func eachBefore(ctx context.Context, v *measure.View, keep func(ticket) bool, do func(group string, t ticket)) error {
	return eachSince(ctx, v, math.MinInt64, keep, do)
}

func eachSince(ctx context.Context, v *measure.View, since int64, keep func(ticket) bool, do func(group string, t ticket)) error {
	rows, err := v.DB.Query(ctx, `SELECT seq, closes, team, actor, kind, opened, closed FROM tickets WHERE opened >= $1 AND opened < $2`,
		since, measure.Micros(v.To))
	if err != nil {
		return fmt.Errorf("read tickets: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var t ticket
		if err := rows.Scan(&t.seq, &t.closes, &t.cell.Team, &t.actor, &t.kind, &t.opened, &t.closed); err != nil {
			return fmt.Errorf("read tickets: %w", err)
		}
		t.cell.Day = measure.DayOf(t.opened)
		if group, ok := v.Group(t.cell); ok && keep(t) {
			do(group, t)
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
	case t.people == 0:
		return measure.None("nobody was active in this time")
	case t.days == 0:
		return measure.None("nobody has told of a ticket by then")
	}
	exposure := float64(t.people) / 100 * float64(t.days) / month30
	rate, ok := stat.Rate(t.n, exposure)
	if !ok {
		return measure.None("nobody was active in this time")
	}
	return kinds(measure.Of(rate.Value, int64(t.people)).Within(rate.Interval).With("tickets", float64(t.n)).With("people", float64(t.people)), t)
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
	return measure.Of(rate.Value, int64(t.used)).Within(rate.Interval).With("tickets", float64(t.n)).With("dailyUsers", daily)
}

func kinds(e measure.Estimate, t tally) measure.Estimate {
	for kind, n := range t.kinds {
		if kind == "" {
			kind = "unsaid"
		}
		e = e.With(kind, float64(n))
	}
	return e
}

func resolution(t tally) measure.Estimate {
	e, _ := measure.HalfOver(t.waits, "tickets", "closed", "no ticket was opened in this time")
	if t.backward > 0 {
		e = e.Noted("%d left out that were closed before they were opened", t.backward)
	}
	return e
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
	return e
}

func evidence(keep func(ticket) bool) func(context.Context, *measure.View, int64, int) ([]int64, error) {
	return func(ctx context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
		var all []int64
		err := each(ctx, v, keep, func(_ string, t ticket) {
			all = append(all, t.seq)
			if t.closes != 0 {
				all = append(all, t.closes)
			}
		})
		return measure.Page(all, after, limit), err
	}
}
