package support

import (
	"context"
	"maps"

	"github.com/stoa-platform/stoa/internal/measure"
)

// stock is what of the tickets of one group is open at a moment.
type stock struct {
	opened int // tickets that were opened by then
	open   map[string]int
}

// openMeasure is how many tickets wait for an answer.
func openMeasure(cuts []measure.Dimension, keep func(ticket) bool) measure.Measure {
	return measure.New(measure.Definition{
		Name: "tickets-open", Title: "Open tickets", Question: "How many tickets wait for an answer?",
		Formula: "Tickets that were opened before the end of the time, whenever, and not closed by then, without requests for features; with the end in the future it is now. " +
			"In a series each point is that at its end.",
		Unit: measure.Count, Better: measure.Lower, Version: 1, Cuts: cuts,
	}, func(ctx context.Context, v *measure.View) (map[measure.Key]stock, error) { return stocks(ctx, v, keep) }, open, openEvidence(keep))
}

// openAt reports whether the ticket waits at the beginning of a day. One that was
// closed before it was opened does not.
func (t ticket) openAt(day int64) bool {
	return t.opened < measure.Micros(day) && (!t.closed.Valid || t.closed.Int64 >= measure.Micros(day) && t.closed.Int64 >= t.opened)
}

// stocks gives what is open at the end of each bucket, once any ticket of the
// group was told of, and no bucket that begins after all that is known.
func stocks(ctx context.Context, v *measure.View, keep func(ticket) bool) (map[measure.Key]stock, error) {
	known, err := measure.KnownUntil(ctx, v.DB, Tickets{}.Name())
	if err != nil {
		return nil, err
	}
	found := map[measure.Key]stock{}
	return found, eachBefore(ctx, v, keep, func(group string, t ticket) {
		buckets, first := v.Buckets(), 0
		if day := measure.DayOf(t.opened); day >= v.From {
			first = v.BucketOf(day)
		}
		for i := first; i < len(buckets) && known >= measure.Micros(buckets[i].From); i++ {
			b := buckets[i]
			key := measure.Key{Group: group, Bucket: i}
			s := found[key]
			if s.open == nil {
				s.open = map[string]int{}
			}
			s.opened++
			if t.openAt(b.To) {
				s.open[t.kind]++
			}
			found[key] = s
		}
	})
}

func open(s stock) measure.Estimate {
	n := 0
	for count := range maps.Values(s.open) {
		n += count
	}
	return kinds(measure.Of(float64(n), int64(s.opened)).With("opened", float64(s.opened)), tally{kinds: s.open})
}

// openEvidence gives the openings of what is open at the end, and the ends that
// came later, which show that it was.
func openEvidence(keep func(ticket) bool) func(context.Context, *measure.View, int64, int) ([]int64, error) {
	return func(ctx context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
		var all []int64
		known, err := measure.KnownUntil(ctx, v.DB, Tickets{}.Name())
		if err != nil || known < measure.Micros(v.From) {
			return all, err
		}
		err = eachBefore(ctx, v, keep, func(_ string, t ticket) {
			if !t.openAt(v.To) {
				return
			}
			if all = append(all, t.seq); t.closes != 0 {
				all = append(all, t.closes)
			}
		})
		return measure.Page(all, after, limit), err
	}
}
