package measure

import (
	"context"
	"slices"
	"time"
)

// Dimension is what a measure can be cut by.
type Dimension string

// The dimensions.
const (
	ByTeam       Dimension = "team"
	BySegment    Dimension = "segment"
	ByWave       Dimension = "wave"
	ByService    Dimension = "service"
	ByCapability Dimension = "capability"
	ByPath       Dimension = "path" // OnPath or OffPath
)

// Dimensions lists all of them.
func Dimensions() []Dimension {
	return []Dimension{ByTeam, BySegment, ByWave, ByService, ByCapability, ByPath}
}

// The groups of ByPath.
const (
	OnPath  = "on"
	OffPath = "off"
)

// Everything is the group when nothing is cut, and Nobody that of what belongs
// to no group of a cut, such as a team without segment.
const (
	Everything = ""
	Nobody     = "none"
)

// Step is how wide the buckets of a series are.
type Step string

// The steps.
const (
	Whole   Step = "" // one value for the whole time
	Daily   Step = "day"
	Weekly  Step = "week" // from Monday
	Monthly Step = "month"
)

// Scope is what a measure is asked for: a time, a cut, a series, and what to
// leave out. Times are whole days in UTC, half-open.
type Scope struct {
	From, To int64 // days since 1970, UTC
	By       Dimension
	Step     Step
	// Only keeps what has one of these names in a dimension.
	Only map[Dimension][]string
}

// Day is the day of a time: days since 1970, UTC.
func Day(t time.Time) int64 { return DayOf(t.UnixMicro()) }

// DayOf is the day of a time in microseconds, as summaries keep times.
func DayOf(micros int64) int64 {
	day := micros / Micros(1)
	if micros%Micros(1) < 0 {
		day--
	}
	return day
}

// Date is the first moment of a day.
func Date(day int64) time.Time { return time.Unix(day*86400, 0).UTC() }

// Micros is the first moment of a day in microseconds, as summaries keep times.
func Micros(day int64) int64 { return day * 86400 * 1_000_000 }

// Working reports whether a day is one from Monday to Friday.
func Working(day int64) bool {
	weekday := Date(day).Weekday()
	return weekday != time.Saturday && weekday != time.Sunday
}

// Days is how many days the scope has.
func (s Scope) Days() int64 { return s.To - s.From }

// Before is the same scope, the time of the same length just before.
func (s Scope) Before() Scope {
	s.From, s.To = s.From-s.Days(), s.From
	return s
}

// Bucket is one point of a series.
type Bucket struct{ From, To int64 }

// WorkingDays is how many of its days are from Monday to Friday.
func (b Bucket) WorkingDays() int {
	n := 0
	for day := b.From; day < b.To; day++ {
		if Working(day) {
			n++
		}
	}
	return n
}

// Users are the people of a group who were active in a bucket.
type Users struct {
	People int // distinct
	// PersonDays is for how many days they are users, in sum: each is one in every
	// 30 days, counted back from the end of the bucket, in which they were active.
	PersonDays int64
}

// Buckets cuts the scope's time into steps; the first and the last one may be
// shorter.
func (s Scope) Buckets() []Bucket {
	if s.Step == Whole {
		return []Bucket{{s.From, s.To}}
	}
	var all []Bucket
	for from := s.From; from < s.To; {
		to := min(s.next(from), s.To)
		all = append(all, Bucket{from, to})
		from = to
	}
	return all
}

func (s Scope) next(day int64) int64 {
	switch s.Step {
	case Monthly:
		d := Date(day)
		return Day(time.Date(d.Year(), d.Month()+1, 1, 0, 0, 0, 0, time.UTC))
	case Weekly:
		return day + 7 - ((day+3)%7+7)%7 // day 0 was a Thursday
	case Daily, Whole:
	}
	return day + 1
}

// Key is a group of a cut in a bucket of the series.
type Key struct {
	Group  string
	Bucket int // index into Scope.Buckets
}

// Cell is where a row of a summary belongs. The numbers are those of the
// ledger; 0 is none.
type Cell struct {
	Day                       int64
	Team, Service, Capability int64
	Path                      string // OnPath, OffPath or "" where it has none
}

// View is a scope with what it is read from.
type View struct {
	DB  Querier
	Org *Org
	Scope

	buckets []Bucket
	ofDay   []int // the bucket of each day from From on
	only    map[Dimension]map[string]bool
	kept    map[any]any // what was read for several measures; nil for a single one
}

// Share makes the view one that several measures are computed of.
func (v *View) Share() *View {
	v.kept = map[any]any{}
	return v
}

// Shared reports that several measures are computed of the view: reading at once
// what any of them wants pays.
func (v *View) Shared() bool { return v.kept != nil }

// Once reads what measures of a view are made of; of a shared one, the first time
// only. Whoever gets it must not change it. The key is of a type of the reader's
// own, as with context.WithValue.
func Once[T any](v *View, key any, read func() (T, error)) (T, error) {
	if kept, ok := v.kept[key]; ok {
		return kept.(T), nil
	}
	value, err := read()
	if err == nil && v.kept != nil {
		v.kept[key] = value
	}
	return value, err
}

// NewView makes a view.
func NewView(db Querier, org *Org, s Scope) *View {
	v := &View{DB: db, Org: org, Scope: s, buckets: s.Buckets(), only: map[Dimension]map[string]bool{}}
	v.ofDay = make([]int, max(0, s.Days()))
	for i, b := range v.buckets {
		for day := b.From; day < b.To; day++ {
			v.ofDay[day-s.From] = i
		}
	}
	for dimension, names := range s.Only {
		set := map[string]bool{}
		for _, name := range names {
			set[name] = true
		}
		v.only[dimension] = set
	}
	return v
}

// Buckets are those of the scope. Whoever gets them must not change them.
func (v *View) Buckets() []Bucket { return v.buckets }

// points is how many numbers a measure may have over the view at most.
func (v *View) points() int {
	groups := 1
	switch {
	case v.only[v.By] != nil:
		groups = len(v.only[v.By])
	case v.By == ByService:
		groups = len(v.Org.Services)
	case v.By == ByTeam:
		groups = len(v.Org.Teams)
	}
	return groups * len(v.buckets)
}

// BucketOf is the bucket that a day of the scope lies in.
func (v *View) BucketOf(day int64) int { return v.ofDay[day-v.From] }

// Key gives the group and bucket of a cell; ok is false for what the scope
// leaves out: another time, a filtered name, a team that runs the platform.
func (v *View) Key(c Cell) (Key, bool) {
	if c.Day < v.From || c.Day >= v.To {
		return Key{}, false
	}
	group, ok := v.Group(c)
	return Key{group, v.BucketOf(c.Day)}, ok
}

// Group is Key without a time.
func (v *View) Group(c Cell) (string, bool) {
	team := v.Org.team(c.Team)
	if v.apart(team) || !v.passes(c, team) {
		return "", false
	}
	return v.name(v.By, c, team), true
}

// passes reports whether a cell has the names that the scope is narrowed to.
func (v *View) passes(c Cell, team *Team) bool {
	for dimension, names := range v.only {
		if !names[v.name(dimension, c, team)] {
			return false
		}
	}
	return true
}

func (v *View) name(d Dimension, c Cell, team *Team) string {
	name := Everything
	switch d {
	case ByTeam:
		if team != nil {
			name = team.Name
		}
	case BySegment:
		if team != nil {
			name = team.Segment
		}
	case ByWave:
		if team != nil {
			name = team.Wave
		}
	case ByService:
		name = v.Org.Services[c.Service]
	case ByCapability:
		name = v.Org.CapabilityNames[c.Capability]
	case ByPath:
		name = c.Path
	default:
		return Everything
	}
	if name == "" {
		return Nobody
	}
	return name
}

// Teams are the teams of the scope, without those that run the platform unless it is
// narrowed to them.
func (v *View) Teams() []*Team {
	var in []*Team
	for _, t := range v.Org.Teams {
		if _, ok := v.TeamGroup(t); ok {
			in = append(in, t)
		}
	}
	return in
}

// Capabilities are those of the scope.
func (v *View) Capabilities() []*Capability {
	names, narrowed := v.only[ByCapability]
	var in []*Capability
	for _, c := range v.Org.Capabilities {
		if !narrowed || names[c.Name] {
			in = append(in, c)
		}
	}
	return in
}

// TeamGroup gives the group of a team, which may have no number in the ledger
// yet; ok is false for one that the scope leaves out.
func (v *View) TeamGroup(t *Team) (string, bool) {
	if v.apart(t) {
		return "", false
	}
	for dimension, names := range v.only {
		switch dimension {
		case ByTeam, BySegment, ByWave:
			if !names[v.name(dimension, Cell{}, t)] {
				return "", false
			}
		}
	}
	switch v.By {
	case ByTeam, BySegment, ByWave:
		return v.name(v.By, Cell{}, t), true
	}
	return Everything, true
}

// Allows reports whether a measure can be cut and filtered as the scope asks.
func (d *Definition) Allows(s Scope) (Dimension, bool) {
	if s.By != "" && !slices.Contains(d.Cuts, s.By) {
		return s.By, false
	}
	for dimension := range s.Only {
		if !slices.Contains(d.Cuts, dimension) {
			return dimension, false
		}
	}
	return "", true
}

// Fill gives each group that has data the buckets in which it has none, from the day
// on which the record begins: where anything was recorded nothing is a number too.
func Fill[D any](ctx context.Context, v *View, record *Record, found map[Key]D) error {
	since, ok, err := record.Begins(ctx, v)
	if err != nil || !ok {
		return err
	}
	groups := map[string]bool{}
	if v.By == "" {
		groups[Everything] = true
	}
	for key := range found {
		groups[key.Group] = true
	}
	for i, b := range v.Buckets() {
		if b.To <= since {
			continue
		}
		for group := range groups {
			key := Key{Group: group, Bucket: i}
			if _, there := found[key]; !there {
				var none D
				found[key] = none
			}
		}
	}
	return nil
}
