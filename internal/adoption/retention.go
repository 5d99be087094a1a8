package adoption

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// StartMonth is what became of the teams that first used the platform in one month.
type StartMonth struct {
	Month string `json:"month"` // "2026-03"
	Teams int    `json:"teams"`
	// Active is how many of them used it after 0, 1, 2 … months, as far as those
	// months are over.
	Active []int `json:"active"`
}

// Retained is whether teams stay.
type Retained struct {
	Cohorts []StartMonth `json:"cohorts"`
	// Months has the share of all cohorts together that still used it after 0, 1, 2 …
	// months, of those teams that are old enough.
	Months []measure.Estimate `json:"months"`
	// Trend is the direction of the last months.
	Trend stat.Trend `json:"trend"`
	// Leaking says that fewer than half are left and that the curve does not rise:
	// its owner is to be told.
	Leaking bool `json:"leaking"`
}

// Retention gives the teams of the scope that first used the platform in it, by
// their first month, and in which later months they still did. A month that is not
// over at the end of the scope, or of what is known, is left out.
func Retention(ctx context.Context, v *measure.View) (Retained, error) {
	lives, err := readLives(ctx, v)
	if err != nil {
		return Retained{}, fmt.Errorf("retention: %w", err)
	}
	over, err := monthsOver(ctx, v)
	if err != nil {
		return Retained{}, fmt.Errorf("retention: %w", err)
	}
	cohorts := map[int64]*StartMonth{}
	var together []stat.Kept
	for _, life := range lives {
		if life.start.at < measure.Micros(v.From) || life.month >= over {
			continue
		}
		c := cohorts[life.month]
		if c == nil {
			c = &StartMonth{Month: measure.Date(firstOf(life.month)).Format("2006-01"), Active: make([]int, over-life.month)}
			cohorts[life.month] = c
		}
		c.Teams++
		for k := range c.Active {
			if k >= len(together) {
				together = append(together, stat.Kept{})
			}
			together[k].Of++
			if life.active[life.month+int64(k)] {
				c.Active[k]++
				together[k].Active++
			}
		}
	}
	r := Retained{Cohorts: []StartMonth{}, Months: []measure.Estimate{}, Trend: stat.TooShort}
	for _, month := range slices.Sorted(maps.Keys(cohorts)) {
		r.Cohorts = append(r.Cohorts, *cohorts[month])
	}
	if curve, ok := stat.Retention(together); ok {
		for _, e := range curve.Months {
			r.Months = append(r.Months, measure.Of(e.Value, int64(e.N)).Within(e.Interval))
		}
		r.Trend, r.Leaking = curve.Trend, curve.Leaking
	}
	return r, nil
}

// life is when a team used the platform.
type life struct {
	team   *measure.Team
	start  moment // of the first qualifying use
	month  int64
	active map[int64]bool // by month
}

// readLives gives the lives of the scope's teams that began before its end, by name.
func readLives(ctx context.Context, v *measure.View) ([]life, error) {
	starts, err := readStarts(ctx, v)
	if err != nil {
		return nil, err
	}
	lives := map[*measure.Team]*life{}
	for team, start := range starts {
		if _, in := v.TeamGroup(team); in && start.at < measure.Micros(v.To) {
			month, _, _ := monthAround(measure.DayOf(start.at))
			lives[team] = &life{team, start, month, map[int64]bool{}}
		}
	}
	_, last := monthsOf(v.From, v.To)
	rows, err := v.DB.Query(ctx, "SELECT month, team, kind FROM team_month WHERE month <= $1", last)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var month, id, kind int64
		if err := rows.Scan(&month, &id, &kind); err != nil {
			return nil, err
		}
		if l := lives[v.Org.TeamOf(id)]; l != nil && v.Org.Kinds[kind].Qualifies {
			l.active[month] = true
		}
	}
	all := make([]life, 0, len(lives))
	for _, l := range lives {
		all = append(all, *l)
	}
	slices.SortFunc(all, func(a, b life) int { return cmp.Compare(a.team.Name, b.team.Name) })
	return all, rows.Err()
}

// readStarts gives the first qualifying use of each team.
func readStarts(ctx context.Context, v *measure.View) (map[*measure.Team]moment, error) {
	rows, err := v.DB.Query(ctx, "SELECT team, kind, at, seq FROM first_use")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	starts := map[*measure.Team]moment{}
	for rows.Next() {
		var id, kind int64
		var m moment
		if err := rows.Scan(&id, &kind, &m.at, &m.seq); err != nil {
			return nil, err
		}
		team := v.Org.TeamOf(id)
		if team == nil || !v.Org.Kinds[kind].Qualifies {
			continue
		}
		if known, ok := starts[team]; !ok || m.before(known) {
			starts[team] = m
		}
	}
	return starts, rows.Err()
}

// monthsOver is the first month that is not over at the end of the scope, or of
// what the ledger knows.
func monthsOver(ctx context.Context, v *measure.View) (int64, error) {
	until, err := knownUntil(ctx, v.DB, Usage{}, measure.Micros(v.To))
	if err != nil {
		return 0, err
	}
	month, _, _ := monthAround(measure.DayOf(until))
	return month, nil
}

// kept is after how many months the measure of retention looks.
const kept = 3

func retentionMeasure() measure.Measure {
	def := measure.Definition{
		Name: "retention-3-months", Title: "Teams that stay", Question: "Do teams that try the platform stay?",
		Formula: "Of the teams whose third month after their first one ended in the time, the share that used the platform in that third month. " +
			"A team that is gone by then did not stay.",
		Unit: measure.Ratio, Better: measure.Higher, Version: 1, Cuts: byTeams(),
	}
	return measure.New(def, readKept, func(d stat.Kept) measure.Estimate {
		p, ok := stat.Proportion(d.Active, d.Of)
		if !ok {
			return measure.None("no team is old enough")
		}
		return measure.Of(p.Value, int64(d.Of)).Within(p.Interval).With("active", float64(d.Active)).With("started", float64(d.Of))
	}, func(ctx context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
		return useEvidence(ctx, v, v.From-31, func(r *event.Record) bool { return v.Org.TeamOf(r.IDs.Team) != nil }, after, limit)
	})
}

func readKept(ctx context.Context, v *measure.View) (map[measure.Key]stat.Kept, error) {
	lives, err := readLives(ctx, v)
	if err != nil {
		return nil, err
	}
	over, err := monthsOver(ctx, v)
	if err != nil {
		return nil, err
	}
	found := map[measure.Key]stat.Kept{}
	for _, life := range lives {
		month := life.month + kept
		ended := firstOf(month+1) - 1 // its last day
		if month >= over || ended < v.From || ended >= v.To {
			continue
		}
		group, _ := v.TeamGroup(life.team)
		for i, b := range v.Buckets() {
			if ended >= b.From && ended < b.To {
				d := found[measure.Key{Group: group, Bucket: i}]
				d.Of++
				if life.active[month] {
					d.Active++
				}
				found[measure.Key{Group: group, Bucket: i}] = d
			}
		}
	}
	return found, nil
}
