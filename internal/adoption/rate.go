package adoption

import (
	"context"
	"fmt"
	"slices"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// byTeams are the cuts of what is counted in teams.
func byTeams(more ...measure.Dimension) []measure.Dimension {
	return append([]measure.Dimension{measure.ByTeam, measure.BySegment, measure.ByWave}, more...)
}

func adoptionRate() measure.Measure {
	return measure.New(measure.Definition{
		Name: "adoption-rate", Title: "Teams using the platform", Question: "How many of the teams that could use the platform do?",
		Formula: "Teams with at least one qualifying use of a capability that is offered to them, as a share of the teams to which one is offered: " +
			"those of the segments it is meant for, without an exception at the end of that time. Teams that never used anything count. " +
			"Registered is how many have access, which is not using.",
		Unit: measure.Ratio, Better: measure.Higher, Version: 2, Cuts: byTeams(measure.ByCapability),
	}, readRate, rateEstimate, func(ctx context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
		return useEvidence(ctx, v, v.From, func(r *event.Record) bool {
			team := v.Org.TeamOf(r.IDs.Team)
			return team != nil && slices.ContainsFunc(v.Org.Capabilities, func(c *measure.Capability) bool { return c.ID == r.IDs.Capability && c.Offered(team, v.To-1) })
		}, after, limit)
	})
}

// reach is how many teams could do something, have access, and do it; and of how many
// that could by now nothing was known by then.
type reach struct{ could, registered, using, later int }

func rateEstimate(d reach) measure.Estimate {
	share, ok := stat.Proportion(d.using, d.could)
	if !ok {
		return measure.None("no team could use it")
	}
	e := measure.Of(share.Value, int64(d.could)).Within(share.Interval).
		With("using", float64(d.using)).With("could", float64(d.could)).With("registered", float64(d.registered))
	if d.later > d.could { // an organisation that was declared long after the platform began
		e = e.Noted("%d more teams are known only since: whether they were there, and did not use it, nobody said", d.later)
	}
	return e
}

func readRate(ctx context.Context, v *measure.View) (map[measure.Key]reach, error) {
	buckets, found := v.Buckets(), map[measure.Key]reach{}
	since, ok, err := recordedSince(ctx, v.DB)
	if err != nil || !ok {
		return found, err
	}
	used, err := readUsing(ctx, v, buckets)
	if err != nil {
		return nil, err
	}
	reached, err := readMilestones(ctx, v)
	if err != nil {
		return nil, err
	}
	capabilities := v.Capabilities()
	for _, team := range v.Teams() {
		group, _ := v.TeamGroup(team)
		granted, registered := reached[team][AccessGranted]
		for i, b := range buckets {
			if b.To <= since {
				continue // nothing was recorded yet
			}
			there := team.There(b.From, b.To)
			if !there && team.Since < b.To {
				continue // it is gone
			}
			any, using := false, false
			count := func(group string, using bool) {
				d := found[measure.Key{Group: group, Bucket: i}]
				if !there {
					d.later++
					found[measure.Key{Group: group, Bucket: i}] = d
					return
				}
				d.could++
				if using {
					d.using++
				}
				if registered && granted.at < measure.Micros(b.To) {
					d.registered++
				}
				found[measure.Key{Group: group, Bucket: i}] = d
			}
			for _, c := range capabilities {
				if !c.Offered(team, b.To-1) {
					continue
				}
				uses := used[teamUse{team, c.Name}]
				any, using = true, using || uses != nil && uses[i]
				if v.By == measure.ByCapability {
					count(c.Name, uses != nil && uses[i])
				}
			}
			if any && v.By != measure.ByCapability {
				count(group, using)
			}
		}
	}
	return found, nil
}

type teamUse struct {
	team       *measure.Team
	capability string
}

// readUsing gives the buckets in which each team used each capability.
func readUsing(ctx context.Context, v *measure.View, buckets []measure.Bucket) (map[teamUse][]bool, error) {
	first, last := monthsOf(v.From, v.To)
	rows, err := v.DB.Query(ctx, "SELECT month, team, kind, days FROM team_month WHERE month >= $1 AND month <= $2", first, last)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	slots, used := calendarOf(buckets), map[teamUse][]bool{}
	for rows.Next() {
		var month, id, kind, days int64
		if err := rows.Scan(&month, &id, &kind, &days); err != nil {
			return nil, err
		}
		team, use := v.Org.TeamOf(id), v.Org.Kinds[kind]
		if team == nil || !use.Qualifies {
			continue
		}
		key := teamUse{team, use.Capability}
		for _, s := range slots[month] {
			if days&s.mask == 0 {
				continue
			}
			if used[key] == nil {
				used[key] = make([]bool, len(buckets))
			}
			used[key][s.bucket] = true
		}
	}
	return used, rows.Err()
}

// readMilestones gives what the teams have reached, with the names that they had
// before.
func readMilestones(ctx context.Context, v *measure.View) (map[*measure.Team]map[Milestone]moment, error) {
	rows, err := v.DB.Query(ctx, "SELECT team, milestone, at, seq FROM milestones")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	reached := map[*measure.Team]map[Milestone]moment{}
	for rows.Next() {
		var id int64
		var milestone Milestone
		var m moment
		if err := rows.Scan(&id, &milestone, &m.at, &m.seq); err != nil {
			return nil, err
		}
		team := v.Org.TeamOf(id)
		if team == nil {
			continue
		}
		if reached[team] == nil {
			reached[team] = map[Milestone]moment{}
		}
		if known, ok := reached[team][milestone]; !ok || m.before(known) {
			reached[team][milestone] = m
		}
	}
	return reached, rows.Err()
}

// useEvidence gives the qualifying uses of the scope since a day.
func useEvidence(ctx context.Context, v *measure.View, from int64, keep func(*event.Record) bool, after int64, limit int) ([]int64, error) {
	qualifies, types := map[useKey]bool{}, map[string]bool{}
	var numbers []int64
	for _, k := range v.Org.Kinds {
		if !k.Qualifies {
			continue
		}
		number := v.Org.Types[k.Type]
		qualifies[useKey{number, k.CapabilityID, k.Surface}] = true
		if !types[k.Type] {
			types[k.Type] = true
			numbers = append(numbers, number)
		}
	}
	sequences, err := v.Events(ctx, measure.Sought{Types: numbers, From: from, To: v.To, After: after, Limit: limit, Keep: func(r *event.Record) bool {
		if !isUse(r) || !qualifies[useKey{r.IDs.Type, r.IDs.Capability, surface(r)}] || !keep(r) {
			return false
		}
		_, in := v.Group(measure.Cell{Day: measure.Day(r.Time), Team: r.IDs.Team, Service: r.IDs.Service, Capability: r.IDs.Capability})
		return in
	}})
	if err != nil {
		return nil, fmt.Errorf("evidence of use: %w", err)
	}
	return sequences, nil
}
