package adoption

import (
	"context"
	"math/bits"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
)

// activePeople says what a measure of active people is.
type activePeople struct {
	definition measure.Definition
	days       int64 // how many days it looks back from the end of a bucket; 0 at the bucket's own
	// value is that of a bucket; since is the day of the first use of all.
	value func(p people, b measure.Bucket, since int64) measure.Estimate
}

const peopleCounted = "People with at least one qualifying use of a declared capability. Bots, Stoa's own parts and the people who run the platform are left out; " +
	"who is in two teams counts once in each and once in all."

// month30 is how many days a month has for who is active in one.
const month30 = 30

func peopleMeasures(kept *keptDays) []measure.Measure {
	cuts := byTeams(measure.ByCapability)
	all := []activePeople{
		{measure.Definition{
			Name: "dau", Title: "Active people a day", Question: "How many people use the platform on a day?",
			Formula: peopleCounted + " The mean over the working days of the time, Monday to Friday, from the first use of all on; over all its days where it has no working day.",
			Unit:    measure.Count, Better: measure.Higher, Version: 2, Cuts: cuts,
		}, 0, func(p people, b measure.Bucket, since int64) measure.Estimate {
			mean, days := p.daily(max(b.From, since), b.To)
			return measure.Of(mean, int64(p.active(b.From, b.To))).With("days", float64(days))
		}},
		{measure.Definition{
			Name: "wau", Title: "Active people a week", Question: "How many people use the platform in a week?",
			Formula: peopleCounted + " In the 7 days before the end of the time.",
			Unit:    measure.Count, Better: measure.Higher, Version: 1, Cuts: cuts,
		}, 7, func(p people, b measure.Bucket, _ int64) measure.Estimate {
			n := p.active(b.To-7, b.To)
			return measure.Of(float64(n), int64(n))
		}},
		{measure.Definition{
			Name: "mau", Title: "Active people a month", Question: "How many people use the platform in a month?",
			Formula: peopleCounted + " In the 30 days before the end of the time.",
			Unit:    measure.Count, Better: measure.Higher, Version: 1, Cuts: cuts,
		}, month30, func(p people, b measure.Bucket, _ int64) measure.Estimate {
			n := p.active(b.To-month30, b.To)
			return measure.Of(float64(n), int64(n))
		}},
		{measure.Definition{
			Name: "stickiness", Title: "Stickiness", Question: "How often do those who use it come back?",
			Formula: "Active people on a mean working day ÷ active people in the same 30 days, those before the end of the time, from the first use of all on. " + peopleCounted,
			Unit:    measure.Ratio, Better: measure.Higher, Version: 2, Cuts: cuts,
		}, month30, func(p people, b measure.Bucket, since int64) measure.Estimate {
			n := p.active(b.To-month30, b.To)
			if n == 0 {
				return measure.None("nobody was active in the 30 days")
			}
			mean, _ := p.daily(max(b.To-month30, since), b.To)
			return measure.Of(mean/float64(n), int64(n)).With("dau", mean).With("mau", float64(n))
		}},
	}
	measures := make([]measure.Measure, len(all))
	for i, a := range all {
		measures[i] = a.measure(kept)
	}
	return measures
}

// sharedPeople is what measures of a view share.
type sharedPeople struct{}

// sharePeople gives the people of each group who were active since some days before
// the view's time.
func sharePeople(ctx context.Context, v *measure.View, kept *keptDays, before int64) (map[string]people, error) {
	if v.Shared() {
		before = month30 // as far back as any of them
	}
	return measure.Once(v, sharedPeople{}, func() (map[string]people, error) { return readPeople(ctx, v, kept, v.From-before) })
}

func (a activePeople) measure(kept *keptDays) measure.Measure {
	return measure.New(a.definition, func(ctx context.Context, v *measure.View) (map[measure.Key]measure.Estimate, error) {
		groups, err := sharePeople(ctx, v, kept, a.days)
		if err != nil || len(groups) == 0 {
			return nil, err
		}
		since, _, err := recordedSince(ctx, v.DB)
		if err != nil {
			return nil, err
		}
		found := map[measure.Key]measure.Estimate{}
		for group, p := range groups {
			if p.active(v.From-a.days, v.To) == 0 {
				continue // only earlier, which another measure wants to know
			}
			for i, b := range v.Buckets() {
				if b.To > since {
					found[measure.Key{Group: group, Bucket: i}] = a.value(p, b, since)
				}
			}
		}
		return found, nil
	}, func(e measure.Estimate) measure.Estimate { return e }, func(ctx context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
		from := v.From
		if a.days > 0 {
			from = v.To - a.days
		}
		return useEvidence(ctx, v, from, func(r *event.Record) bool { return person(r) && !v.Insider(r.IDs.Actor, r.IDs.Team) }, after, limit)
	})
}

// people holds the days on which each person of a group was active.
type people struct {
	from int64 // the day of bit 0
	days map[int64][]uint64
}

// readPeople gives the people of each group who were active since a day.
func readPeople(ctx context.Context, v *measure.View, kept *keptDays, from int64) (map[string]people, error) {
	first, last := monthsOf(from, v.To)
	rows, err := kept.read(ctx, v.DB, first, last)
	if err != nil {
		return nil, err
	}
	type place struct {
		group string
		in    bool
	}
	groups, places := map[string]people{}, map[pair]place{}
	width := (v.To - from + 63) / 64
	for i := range rows {
		r := &rows[i]
		if v.Insider(r.actor, r.team) {
			continue
		}
		of, known := places[pair{r.team, r.kind}]
		if !known {
			if use := v.Org.Kinds[r.kind]; use.Qualifies {
				of.group, of.in = v.Group(measure.Cell{Team: r.team, Capability: use.CapabilityID})
			}
			places[pair{r.team, r.kind}] = of
		}
		start := firstOf(r.month)
		days := r.days & mask(max(0, from-start), min(31, max(0, v.To-start)))
		if !of.in || days == 0 {
			continue
		}
		p, known := groups[of.group]
		if !known {
			p = people{from, map[int64][]uint64{}}
			groups[of.group] = p
		}
		set := p.days[r.actor]
		if set == nil {
			set = make([]uint64, width)
			p.days[r.actor] = set
		}
		for ; days != 0; days &= days - 1 {
			day := start + int64(bits.TrailingZeros64(uint64(days))) - from
			set[day/64] |= 1 << (day % 64)
		}
	}
	return groups, nil
}

// active counts who was active on any day of [from, to).
func (p people) active(from, to int64) int {
	n := 0
	for _, set := range p.days {
		if anyBit(set, from-p.from, to-p.from) {
			n++
		}
	}
	return n
}

func anyBit(set []uint64, from, to int64) bool {
	for word := max(0, from) / 64; word < int64(len(set)) && word*64 < to; word++ {
		bits := set[word]
		if low := from - word*64; low > 0 {
			bits &^= 1<<low - 1
		}
		if high := to - word*64; high < 64 {
			bits &= 1<<high - 1
		}
		if bits != 0 {
			return true
		}
	}
	return false
}

// workingDays counts the working days of [from, to) on which each was active.
func (p people) workingDays(from, to int64) int {
	first := (from - p.from) / 64
	working := make([]uint64, (to-p.from+63)/64-first) // the bits of those days
	for day := from; day < to; day++ {
		if bit := day - p.from; measure.Working(day) {
			working[bit/64-first] |= 1 << (bit % 64)
		}
	}
	n := 0
	for _, set := range p.days {
		for i, word := range working {
			n += bits.OnesCount64(set[first+int64(i)] & word)
		}
	}
	return n
}

// daily gives the mean number of active people on the working days of [from, to),
// or on all its days where none of them is a working day, and how many days those are.
func (p people) daily(from, to int64) (mean float64, days int) {
	if mean, days = p.working(from, to); days > 0 {
		return mean, days
	}
	return p.mean(from, to, func(int64) bool { return true })
}

func (p people) working(from, to int64) (mean float64, days int) {
	return p.mean(from, to, measure.Working)
}

func (p people) mean(from, to int64, counts func(day int64) bool) (mean float64, days int) {
	sum := 0
	for day := from; day < to; day++ {
		if !counts(day) {
			continue
		}
		days++
		bit := day - p.from
		for _, set := range p.days {
			if set[bit/64]&(1<<(bit%64)) != 0 {
				sum++
			}
		}
	}
	if days == 0 {
		return 0, 0
	}
	return float64(sum) / float64(days), days
}

// personDays is for how many days of [from, to) there were users, in sum: who was
// active in 30 days, counted back from the end, is a user in them. A first piece that
// is shorter has the users of the 30 days up to its end.
func (p people) personDays(from, to int64) (sum int64) {
	for end := to; end > from; end -= month30 {
		sum += int64(p.active(end-month30, end)) * (end - max(from, end-month30))
	}
	return sum
}

// Users gives, for each group and bucket, who was active in it, and for how many
// days of it since a day: what measures for a hundred users are divided by.
func (p *People) Users(ctx context.Context, v *measure.View, since int64) (map[measure.Key]measure.Users, error) {
	return counted(ctx, v, p, month30, func(all people, b measure.Bucket) (measure.Users, bool) {
		n := all.active(b.From, b.To)
		return measure.Users{People: n, PersonDays: all.personDays(max(b.From, since), b.To)}, n > 0
	})
}

// DaysOfUse counts, for each group and bucket, the working days on which somebody was
// active, one for each person and day.
func (p *People) DaysOfUse(ctx context.Context, v *measure.View) (map[measure.Key]int, error) {
	return counted(ctx, v, p, 0, func(all people, b measure.Bucket) (int, bool) {
		n := all.workingDays(b.From, b.To)
		return n, n > 0
	})
}

// counted gives what in says of each group and bucket, by the people who were active
// since some days before the view's time.
func counted[N any](ctx context.Context, v *measure.View, p *People, before int64, in func(people, measure.Bucket) (N, bool)) (map[measure.Key]N, error) {
	groups, err := sharePeople(ctx, v, &p.kept, before)
	if err != nil {
		return nil, err
	}
	found := map[measure.Key]N{}
	for group, all := range groups {
		for i, b := range v.Buckets() {
			if n, ok := in(all, b); ok {
				found[measure.Key{Group: group, Bucket: i}] = n
			}
		}
	}
	return found, nil
}
