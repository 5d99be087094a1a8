package measure

import (
	"context"
	"fmt"
	"slices"

	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// KnownUntil is up to when the summaries of a projection know what happened, in
// microseconds: when the last event came that they took in; 0 for none. What is
// open then has lasted at least so long, and what did not happen by then may
// happen yet. Of a projection that lags, or stands still, that is before the
// ledger's end: nobody waits longer for its sake.
func KnownUntil(ctx context.Context, db Querier, projection string) (int64, error) {
	var known int64
	if err := db.QueryRow(ctx, "SELECT coalesce(max(e.received), 0) FROM projections p JOIN events e ON e.seq = p.watermark WHERE p.name = $1", projection).Scan(&known); err != nil {
		return 0, fmt.Errorf("read the last event of projection %s: %w", projection, err)
	}
	return known, nil
}

// Page gives a page of the sequences behind a measure: those after one, ascending,
// each once. It sorts the slice that it is given.
func Page(sequences []int64, after int64, limit int) []int64 {
	slices.Sort(sequences)
	sequences = slices.Compact(sequences)
	from, _ := slices.BinarySearch(sequences, after+1)
	return sequences[from:min(len(sequences), from+max(0, limit))]
}

// Counted is a count, resting on n observations, with what chance alone would
// make of it.
func Counted(events, n int) Estimate {
	e := Of(float64(events), int64(n))
	if rate, ok := stat.Rate(events, 1); ok {
		e = e.Within(rate.Interval)
	}
	return e
}

// HalfOver is the time by which half of some waits were over, by Kaplan and
// Meier, with the curve, which has no N when there were no waits. What is waited
// for is said in words: "tickets" that are "closed", and empty where nothing is.
func HalfOver(waits []stat.Wait, what, over, empty string) (Estimate, stat.Survival) {
	curve, ok := stat.KaplanMeier(waits)
	if !ok {
		return None(empty), curve
	}
	e := Estimate{N: int64(curve.N)}
	half, _ := curve.Median()
	if half.Reached {
		e.Value = &half.Time
	} else {
		e = e.Noted("less than half of %d %s are %s", curve.N, what, over)
	}
	if !curve.AllCensored() {
		e = e.Within(half.Interval)
	}
	if curve.Censored > 0 {
		e = e.Noted("%d of %d still open", curve.Censored, curve.N)
	}
	return e, curve
}
