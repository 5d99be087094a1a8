package adoption

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// Stage is how far a team has come.
type Stage string

// The stages of a team, from the first to the last.
const (
	NotStarted Stage = "not-started" // it has not asked for access
	Asked      Stage = "asked"
	Granted    Stage = "granted"
	Deployed   Stage = "deployed"
	Observed   Stage = "observed"  // it has looked at the logs of what it deployed
	Onboarded  Stage = "onboarded" // and was alerted
	Active     Stage = "active"    // onboarded, and used something in the last 30 days
	Lapsed     Stage = "lapsed"    // it used something once, and nothing in the last 30 days
)

// Stages lists them in their order.
func Stages() []Stage {
	return []Stage{NotStarted, Asked, Granted, Deployed, Observed, Onboarded, Active, Lapsed}
}

// StageTeams are the teams at a stage.
type StageTeams struct {
	Stage Stage    `json:"stage"`
	Teams []string `json:"teams"` // by name
}

// TeamStages says at which stage each team of the scope is at its end. Each team
// is at one.
func TeamStages(ctx context.Context, v *measure.View) ([]StageTeams, error) {
	w, err := readWay(ctx, v)
	if err != nil {
		return nil, fmt.Errorf("stages of teams: %w", err)
	}
	used, ever, err := w.using(ctx, v)
	if err != nil {
		return nil, fmt.Errorf("stages of teams: %w", err)
	}
	at := map[Stage][]string{}
	for _, team := range w.teams {
		stage := stageOf(w.reached[team], used[team], ever[team])
		at[stage] = append(at[stage], team.Name)
	}
	all := make([]StageTeams, 0, len(Stages()))
	for _, stage := range Stages() {
		all = append(all, StageTeams{stage, append([]string{}, at[stage]...)})
	}
	return all, nil
}

// stageOf says how far a team is that has reached some milestones, and used
// something in the last 30 days, or ever.
func stageOf(reached map[Milestone]moment, lately, ever bool) Stage {
	has := func(m Milestone) bool { _, ok := reached[m]; return ok }
	switch {
	case ever && !lately:
		return Lapsed
	case has(FirstDeployment) && has(FirstLogQuery) && has(FirstAlert):
		if lately {
			return Active
		}
		return Onboarded
	case has(FirstDeployment) && has(FirstLogQuery):
		return Observed
	case has(FirstDeployment):
		return Deployed
	case has(AccessGranted):
		return Granted
	case has(AccessAsked):
		return Asked
	}
	return NotStarted
}

// way is how far the teams that are there at the end of a scope have come by then.
type way struct {
	teams   []*measure.Team
	reached map[*measure.Team]map[Milestone]moment
	until   int64 // up to which anything is known
}

func readWay(ctx context.Context, v *measure.View) (way, error) {
	w := way{reached: map[*measure.Team]map[Milestone]moment{}}
	var err error
	if w.until, err = knownUntil(ctx, v.DB, Milestones{}, measure.Micros(v.To)); err != nil {
		return w, err
	}
	all, err := readMilestones(ctx, v)
	if err != nil {
		return w, err
	}
	for _, team := range v.Teams() {
		if !team.There(v.To-1, v.To) {
			continue
		}
		w.teams = append(w.teams, team)
		by := map[Milestone]moment{}
		for milestone, m := range all[team] {
			if m.at < w.until {
				by[milestone] = m
			}
		}
		w.reached[team] = by
	}
	return w, nil
}

// using says which teams had a qualifying use in the last 30 days that are known,
// and which ever.
func (w way) using(ctx context.Context, v *measure.View) (lately, ever map[*measure.Team]bool, err error) {
	starts, err := readStarts(ctx, v)
	if err != nil {
		return nil, nil, err
	}
	to := measure.DayOf(w.until-1) + 1
	last := *measure.NewView(v.DB, v.Org, measure.Scope{From: to - month30, To: to})
	used, err := readUsing(ctx, &last, last.Buckets())
	if err != nil {
		return nil, nil, err
	}
	lately, ever = map[*measure.Team]bool{}, map[*measure.Team]bool{}
	for team, start := range starts {
		ever[team] = start.at < w.until
	}
	for use := range used {
		lately[use.team] = true
	}
	return lately, ever, nil
}

// Step is one of the funnel.
type Step struct {
	Name  string `json:"name"` // a Milestone, or "onboarded"
	Teams int    `json:"teams"`
	// Share is of all teams of the funnel.
	Share measure.Estimate `json:"share"`
	// FromStart is the median time from the request for access, FromBefore that from
	// the step before, both with those who are not there yet.
	FromStart  measure.Estimate `json:"fromStart"`
	FromBefore measure.Estimate `json:"fromBefore"`
}

// Path is how many teams got how far.
type Path struct {
	// Teams is how many there are, whether they set out or not.
	Teams int    `json:"teams"`
	Steps []Step `json:"steps"`
	// Since is the day on which the first of them reached a step; 0 when none has.
	Since int64 `json:"since"`
}

// stepOnboarded is the last step of the funnel.
const stepOnboarded = "onboarded"

// Funnel says how many of the teams that are there at the end of the scope have
// reached each milestone by then, whenever that was, and how long it took.
func Funnel(ctx context.Context, v *measure.View) (Path, error) {
	w, err := readWay(ctx, v)
	if err != nil {
		return Path{}, fmt.Errorf("funnel: %w", err)
	}
	path := Path{Teams: len(w.teams), Steps: []Step{}}
	for _, reached := range w.reached {
		for _, at := range reached {
			if day := measure.DayOf(at.at); path.Since == 0 || day < path.Since {
				path.Since = day
			}
		}
	}
	before := func(reached map[Milestone]moment) (moment, bool) { at, _, ok := started(reached); return at, ok }
	for _, m := range MilestoneOrder() {
		this := func(reached map[Milestone]moment) (moment, bool) { at, ok := reached[m]; return at, ok }
		path.Steps = append(path.Steps, w.step(string(m), before, this))
		before = this
	}
	path.Steps = append(path.Steps, w.step(stepOnboarded, before, onboarded))
	return path, nil
}

// arriving gives when a team got somewhere.
type arriving func(map[Milestone]moment) (moment, bool)

func (w way) step(name string, before, this arriving) Step {
	s := Step{Name: name}
	for _, team := range w.teams {
		if _, ok := this(w.reached[team]); ok {
			s.Teams++
		}
	}
	s.Share = measure.None("there is no team")
	if p, ok := stat.Proportion(s.Teams, len(w.teams)); ok {
		s.Share = measure.Of(p.Value, int64(p.N)).Within(p.Interval)
	}
	start := func(reached map[Milestone]moment) (moment, bool) { at, _, ok := started(reached); return at, ok }
	s.FromStart = waitEstimate(w.waits(start, this))
	s.FromBefore = waitEstimate(w.waits(before, this))
	return s
}

// waits are those of the teams that were somewhere for getting somewhere else.
// Who was there before is left out.
func (w way) waits(from, to arriving) waiting {
	var d waiting
	for _, team := range w.teams {
		left, ok := from(w.reached[team])
		if !ok {
			continue
		}
		switch there, got := to(w.reached[team]); {
		case got && there.at < left.at:
			d.before++
		case got:
			d.waits = append(d.waits, stat.Wait{Duration: seconds(there.at - left.at), Event: true})
		case left.at < w.until:
			d.waits = append(d.waits, stat.Wait{Duration: seconds(w.until - left.at)})
		}
	}
	return d
}

// StuckTeam is a team that waits for a step longer than others did.
type StuckTeam struct {
	Team string `json:"team"`
	// Step is what it has not reached: a Milestone.
	Step Milestone `json:"step"`
	// Since is when it reached the step before, Waited how long that is, in seconds.
	Since  time.Time `json:"since"`
	Waited float64   `json:"waited"`
	// Usual is by when three of four teams were there that got to the step before, in
	// seconds; nil when fewer ever did.
	Usual *float64 `json:"usual"`
	// Limit is how long a team may wait before it is stuck, in seconds: as long as is
	// usual but a day at least, or StuckUnknown.
	Limit float64 `json:"limit"`
	// Evidence is the event of the step before.
	Evidence int64 `json:"evidence"`
}

// Bounds of being stuck, in seconds: nobody is within StuckAtLeast, and everybody is
// after StuckUnknown where too few teams ever got there to say what is usual.
const (
	StuckAtLeast = 24 * 60 * 60
	StuckUnknown = 14 * StuckAtLeast
)

// Stuck names the teams that at the end of the scope had set out and waited for
// their next step longer than three of four teams that had got to the step before
// needed for it, longest first.
func Stuck(ctx context.Context, v *measure.View) ([]StuckTeam, error) {
	w, err := readWay(ctx, v)
	if err != nil {
		return nil, fmt.Errorf("teams that are stuck: %w", err)
	}
	order := MilestoneOrder()
	usual := map[Milestone]*float64{}
	for n, m := range order[1:] {
		// Who has not got to the step before does not wait for this one yet, and would
		// make it look as if nobody got there.
		waits := w.waits(func(reached map[Milestone]moment) (moment, bool) {
			if _, next := reached[order[n]]; !next {
				return moment{}, false
			}
			return lastBefore(reached, m)
		}, func(reached map[Milestone]moment) (moment, bool) { at, ok := reached[m]; return at, ok })
		if curve, ok := stat.KaplanMeier(waits.waits); ok {
			if a, _ := curve.Quantile(0.75); a.Reached {
				usual[m] = &a.Time
			}
		}
	}
	stuck := []StuckTeam{}
	for _, team := range w.teams {
		reached := w.reached[team]
		if _, _, ok := started(reached); !ok {
			continue
		}
		for _, m := range order[1:] {
			if _, there := reached[m]; there {
				continue
			}
			since, ok := lastBefore(reached, m)
			if !ok {
				break
			}
			limit, waited := float64(StuckUnknown), seconds(w.until-since.at)
			if usual[m] != nil {
				limit = max(StuckAtLeast, *usual[m])
			}
			if waited > limit {
				stuck = append(stuck, StuckTeam{Team: team.Name, Step: m, Since: time.UnixMicro(since.at).UTC(), Waited: waited,
					Usual: usual[m], Limit: limit, Evidence: since.seq})
			}
			break // a team waits for one step at a time
		}
	}
	slices.SortFunc(stuck, func(a, b StuckTeam) int {
		return cmp.Or(cmp.Compare(b.Waited, a.Waited), cmp.Compare(a.Team, b.Team))
	})
	return stuck, nil
}

// lastBefore gives the latest of the milestones before one that a team has
// reached.
func lastBefore(reached map[Milestone]moment, m Milestone) (last moment, ok bool) {
	for _, earlier := range MilestoneOrder() {
		if earlier == m {
			break
		}
		if at, there := reached[earlier]; there && (!ok || last.before(at)) {
			last, ok = at, true
		}
	}
	return last, ok
}
