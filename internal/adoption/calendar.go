package adoption

import (
	"context"
	"database/sql"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
)

// slot is the part of a month that lies in a bucket of a series.
type slot struct {
	bucket int
	mask   int64 // of the days of the month
}

// calendar gives the slots of each month.
type calendar map[int64][]slot

func calendarOf(buckets []measure.Bucket) calendar {
	c := calendar{}
	for i, b := range buckets {
		for day := b.From; day < b.To; {
			month, first, next := monthAround(day)
			end := min(next, b.To)
			c[month] = append(c[month], slot{i, mask(day-first, end-first)})
			day = end
		}
	}
	return c
}

// monthAround gives the month of a day, its first day and that of the next one.
func monthAround(day int64) (month, first, next int64) {
	date := measure.Date(day)
	month, _ = monthOf(date)
	first = day - int64(date.Day()) + 1
	return month, first, measure.Day(time.Date(date.Year(), date.Month()+1, 1, 0, 0, 0, 0, time.UTC))
}

// firstOf is the first day of a month.
func firstOf(month int64) int64 {
	return measure.Day(time.Date(1970, time.January+time.Month(month), 1, 0, 0, 0, 0, time.UTC))
}

// mask has the bits from, from+1 … to-1.
func mask(from, to int64) int64 { return (1<<to - 1) &^ (1<<from - 1) }

// monthsOf are the first and the last month of some days.
func monthsOf(from, to int64) (first, last int64) {
	first, _ = monthOf(measure.Date(from))
	last, _ = monthOf(measure.Date(to - 1))
	return first, last
}

// recordedSince is the first day on which a use was recorded; ok is false when
// none was.
func recordedSince(ctx context.Context, db Querier) (day int64, ok bool, err error) {
	var first sql.NullInt64
	err = db.QueryRow(ctx, "SELECT min((SELECT min(day) FROM usage_day WHERE kind = use_kind.id)) FROM use_kind").Scan(&first)
	return first.Int64, first.Valid, err
}

// knownUntil is the time up to which a projector's summaries know anything, in
// microseconds: when the last event came that it took in, at most end. What did
// not happen by then may happen yet.
func knownUntil(ctx context.Context, db Querier, by event.Projector, end int64) (int64, error) {
	known, err := measure.KnownUntil(ctx, db, by.Name())
	if known == 0 {
		return end, err
	}
	return min(end, known), err
}

// heardSince is the first day of which the ledger tells anything about a team; ok
// is false when it does of none.
func heardSince(ctx context.Context, db Querier) (day int64, ok bool, err error) {
	var first sql.NullInt64
	err = db.QueryRow(ctx, "SELECT min(since) FROM team_seen").Scan(&first)
	return measure.DayOf(first.Int64), first.Valid, err
}
