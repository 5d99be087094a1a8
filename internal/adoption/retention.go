package adoption

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

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
	for _, life := range lives {
		if !life.began(v.From, over) {
			continue
		}
		c := cohorts[life.month]
		if c == nil {
			c = &StartMonth{Month: measure.Date(firstOf(life.month)).Format("2006-01"), Active: make([]int, over-life.month)}
			cohorts[life.month] = c
		}
		c.Teams++
		for k := range c.Active {
			if life.active[life.month+int64(k)] {
				c.Active[k]++
			}
		}
	}
	r := Retained{Cohorts: []StartMonth{}, Months: []measure.Estimate{}, Trend: stat.TooShort}
	for _, month := range slices.Sorted(maps.Keys(cohorts)) {
		r.Cohorts = append(r.Cohorts, *cohorts[month])
	}
	if curve, ok := together(lives, v.From, over); ok {
		for _, e := range curve.Months {
			r.Months = append(r.Months, measure.Of(e.Value, int64(e.N)).Within(e.Interval))
		}
		r.Trend, r.Leaking = curve.Trend, curve.Leaking
	}
	return r, nil
}

// together is the curve of all cohorts that began since a day, through the months
// before over.
func together(lives []life, from, over int64) (stat.RetentionCurve, bool) {
	var months []stat.Kept
	for _, life := range lives {
		if !life.began(from, over) {
			continue
		}
		for k := range over - life.month {
			if int(k) >= len(months) {
				months = append(months, stat.Kept{})
			}
			months[k].Of++
			if life.active[life.month+k] {
				months[k].Active++
			}
		}
	}
	return stat.Retention(months)
}

// life is when a team used the platform or, cut by capability, one of those.
type life struct {
	teamUse
	group  string
	start  moment // of the first qualifying use
	month  int64
	active map[int64]bool // by month
}

// began reports whether the life began since a day, in a month before over.
func (l life) began(from, over int64) bool {
	return l.start.at >= measure.Micros(from) && l.month < over
}

// looked gives the last day of the month in which it is looked whether the team
// stayed, and whether that is in the view and over.
func (l life) looked(v *measure.View, over int64) (ended int64, in bool) {
	month := l.month + kept
	ended = firstOf(month+1) - 1
	return ended, month < over && ended >= v.From && ended < v.To
}

// readLives gives the lives of the scope's teams that began before its end, by name.
// Narrowed to capabilities no other use counts.
func readLives(ctx context.Context, v *measure.View) ([]life, error) {
	narrowed := v.Only[measure.ByCapability]
	of := func(team *measure.Team, use measure.UseKind) (key teamUse, in bool) {
		if _, in = v.TeamGroup(team); !in || len(narrowed) > 0 && !slices.Contains(narrowed, use.Capability) {
			return key, false
		}
		if key.team = team; v.By == measure.ByCapability {
			key.capability = use.Capability
		}
		return key, true
	}
	starts, err := firstUses(ctx, v, of)
	if err != nil {
		return nil, err
	}
	lives := map[teamUse]*life{}
	for key, start := range starts {
		if start.at >= measure.Micros(v.To) {
			continue
		}
		group, _ := v.TeamGroup(key.team)
		if v.By == measure.ByCapability {
			group = key.capability
		}
		month, _, _ := monthAround(measure.DayOf(start.at))
		lives[key] = &life{key, group, start, month, map[int64]bool{}}
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
		team, use := v.Org.TeamOf(id), v.Org.Kinds[kind]
		if team == nil || !use.Qualifies {
			continue
		}
		if key, in := of(team, use); in && lives[key] != nil {
			lives[key].active[month] = true
		}
	}
	all := make([]life, 0, len(lives))
	for _, l := range lives {
		all = append(all, *l)
	}
	slices.SortFunc(all, func(a, b life) int {
		return cmp.Or(cmp.Compare(a.team.Name, b.team.Name), cmp.Compare(a.capability, b.capability))
	})
	return all, rows.Err()
}

// readStarts gives the first qualifying use of each team.
func readStarts(ctx context.Context, v *measure.View) (map[*measure.Team]moment, error) {
	return firstUses(ctx, v, func(team *measure.Team, _ measure.UseKind) (*measure.Team, bool) { return team, true })
}

// firstUses gives the first of the qualifying uses that have a key in common.
func firstUses[K comparable](ctx context.Context, v *measure.View, of func(*measure.Team, measure.UseKind) (K, bool)) (map[K]moment, error) {
	rows, err := v.DB.Query(ctx, "SELECT team, kind, at, seq FROM first_use")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	starts := map[K]moment{}
	for rows.Next() {
		var id, kind int64
		var m moment
		if err := rows.Scan(&id, &kind, &m.at, &m.seq); err != nil {
			return nil, err
		}
		team, use := v.Org.TeamOf(id), v.Org.Kinds[kind]
		if team == nil || !use.Qualifies {
			continue
		}
		key, in := of(team, use)
		if known, ok := starts[key]; in && (!ok || m.before(known)) {
			starts[key] = m
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
			"A team that is gone by then did not stay. The note tells the owner of the platform when, of the teams that started in the year before the end of the time, " +
			"fewer than half are left in the last month that any of them has reached, and the curve to it falls or is flat. By capability all of it is about use of that one.",
		Unit: measure.Ratio, Better: measure.Higher, Version: 1, Cuts: byTeams(measure.ByCapability),
	}
	return measure.New(def, readKept, func(d stayed) measure.Estimate {
		p, ok := stat.Proportion(d.Active, d.Of)
		if !ok {
			return measure.None("no team is old enough")
		}
		e := measure.Of(p.Value, int64(d.Of)).Within(p.Interval).With("active", float64(d.Active)).With("started", float64(d.Of))
		if d.leaking {
			e = e.Noted(LeakingWords)
		}
		return e
	}, keptEvidence)
}

// keptEvidence gives the first use of each team that is counted, and what it used in
// its third month.
func keptEvidence(ctx context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
	lives, err := readLives(ctx, v)
	if err != nil {
		return nil, err
	}
	over, err := monthsOver(ctx, v)
	if err != nil {
		return nil, err
	}
	type stay struct {
		team  *measure.Team
		month int64
	}
	counted, from := map[stay]bool{}, v.To
	var starts []int64
	for _, life := range lives {
		if _, in := life.looked(v, over); in {
			starts = append(starts, life.start.seq)
			counted[stay{life.team, life.month + kept}] = true
			from = min(from, firstOf(life.month+kept))
		}
	}
	uses, err := useEvidence(ctx, v, from, func(r *event.Record) bool {
		month, _, _ := monthAround(measure.Day(r.Time))
		return counted[stay{v.Org.TeamOf(r.IDs.Team), month}]
	}, after, limit)
	return measure.Page(slices.Concat(starts, uses), after, limit), err
}

// LeakingWords tell the owner of the platform that it does not keep its teams.
const LeakingWords = "fewer than half are left and the curve does not rise: the owner of the platform should know"

// stayed is how many teams stayed for some months, and whether they go on leaving.
type stayed struct {
	stat.Kept
	leaking bool
}

func readKept(ctx context.Context, v *measure.View) (map[measure.Key]stayed, error) {
	lives, err := readLives(ctx, v)
	if err != nil {
		return nil, err
	}
	over, err := monthsOver(ctx, v)
	if err != nil {
		return nil, err
	}
	found, of := map[measure.Key]stayed{}, map[string][]life{}
	for _, life := range lives {
		of[life.group] = append(of[life.group], life)
		ended, in := life.looked(v, over)
		if !in {
			continue
		}
		key := measure.Key{Group: life.group, Bucket: v.BucketOf(ended)}
		d := found[key]
		d.Of++
		if life.active[life.month+kept] {
			d.Active++
		}
		found[key] = d
	}
	if v.By == measure.ByTeam || len(v.Only[measure.ByTeam]) > 0 { // one team makes no curve
		return found, nil
	}
	for key, d := range found {
		end := v.Buckets()[key.Bucket].To
		until, _, _ := monthAround(end)
		curve, _ := together(of[key.Group], yearBefore(end), min(until, over))
		d.leaking = curve.Leaking
		found[key] = d
	}
	return found, nil
}

// yearBefore is the first day of the month a year before the one of a time's end.
func yearBefore(end int64) int64 {
	last := measure.Date(end - 1)
	return measure.Day(time.Date(last.Year()-1, last.Month(), 1, 0, 0, 0, 0, time.UTC))
}
