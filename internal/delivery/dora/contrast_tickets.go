package dora

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
	"github.com/stoa-platform/stoa/internal/problem"
)

// The measures of other rooms that are set against each other on the path and off
// it.
const (
	Tickets        = "tickets-per-100-daily-users"
	CostPerService = "cost-per-service"
)

// Asker answers for the measures of other rooms; measure.Engine is it.
type Asker interface {
	Find(name string) (measure.Definition, error)
	Ask(ctx context.Context, name string, s measure.Scope) (measure.Answer, error)
}

// teamMonths counts each team's deployments in each month of a view, on the path
// and off it.
type teamMonths struct {
	*measure.View // by month
	counts        map[string][]pathCounts
}

type pathCounts struct{ on, off int }

func newTeamMonths(v *measure.View) teamMonths {
	scope := v.Scope
	scope.By, scope.Step = measure.ByTeam, measure.Monthly
	return teamMonths{measure.NewView(v.DB, v.Org, scope), map[string][]pathCounts{}}
}

// deployed gives what hears of the deployments of a team on a path.
func (m teamMonths) deployed(of measure.Cell) func(day int64) {
	team := m.Org.TeamOf(of.Team)
	if team == nil {
		return nil
	}
	months := m.counts[team.Name]
	if months == nil {
		months = make([]pathCounts, len(m.Buckets()))
		m.counts[team.Name] = months
	}
	if of.Path == measure.OnPath {
		return func(day int64) { months[m.BucketOf(day)].on++ }
	}
	return func(day int64) { months[m.BucketOf(day)].off++ }
}

// ticketContrast compares the tickets of teams in the months in which most of their
// deployments were on the path with those in which most were off it. A platform
// that does not measure tickets has no such contrast.
func ticketContrast(ctx context.Context, v *measure.View, others Asker, teams teamMonths) ([]Contrast, error) {
	d, err := others.Find(Tickets)
	if problem.Is(err, problem.NotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	c := Contrast{Measure: Tickets, Segments: []string{}, Caution: Caution}
	if dimension, ok := d.Allows(teams.Scope); !ok {
		c.Note = fmt.Sprintf("tickets are for users of teams: nobody says who uses which %s", dimension)
		c.On, c.Off = measure.None(c.Note), measure.None(c.Note)
		return []Contrast{c}, nil
	}
	answer, err := others.Ask(ctx, Tickets, teams.Scope)
	if err != nil {
		return nil, err
	}
	rows, leftOut := teams.sides(answer)
	c.Note = leftOut.String()
	c.On, c.Off = ticketRate(rows, true), ticketRate(rows, false)
	c.Segments, c.LeftOut = bothSides(rows)
	if difference, ok := stat.RateDifference(rows); ok {
		c.Difference, c.Clear = &difference.Value, difference.Clear
		if difference.Interval.Bounded() {
			c.Interval = &measure.Interval{Low: difference.Interval.Low, High: difference.Interval.High}
		} else {
			c.Note = strings.TrimPrefix(c.Note+"; "+tooFewTeams, "; ")
		}
	}
	return []Contrast{c}, nil
}

// ticketsLeftOut is what the comparison of tickets cannot place.
type ticketsLeftOut struct{ idle, even, unused, teamless int }

func (l ticketsLeftOut) String() string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{
		{l.idle, "a month of a team without a deployment"}, {l.even, "a month of a team with as many on the path as off it"},
		{l.unused, "a ticket of a team of which nobody was active on a working day of the month"}, {l.teamless, "a ticket of no team that is known"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d × %s", p.n, p.what))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "left out: " + strings.Join(parts, ", ")
}

// sides puts the tickets of each team in each month on the path or off it. The
// points are by team and month, in that order.
func (m teamMonths) sides(answer measure.Answer) (rows []stat.Exposed, out ticketsLeftOut) {
	teams := map[string]*measure.Team{}
	for _, t := range m.Teams() {
		teams[t.Name] = t
	}
	buckets := m.Buckets()
	for i, p := range answer.Points {
		month, team, tickets := i%len(buckets), teams[p.Group], int(p.Parts["tickets"])
		n := pathCounts{}
		if months := m.counts[p.Group]; months != nil {
			n = months[month]
		}
		switch {
		case team == nil:
			out.teamless += tickets
		case p.Value == nil:
			out.unused += tickets
		case n.on == 0 && n.off == 0:
			out.idle++
		case n.on == n.off:
			out.even++
		default:
			rows = append(rows, stat.Exposed{
				Block: cmp.Or(team.Segment, measure.Nobody), Period: strconv.Itoa(month), Cluster: team.Name, A: n.on > n.off,
				Events: tickets, Exposure: p.Parts["dailyUsers"] / 100 * float64(buckets[month].To-buckets[month].From) / month30,
			})
		}
	}
	return rows, out
}

// month30 is a month in days, for rates.
const month30 = 30

// ticketRate is that of one side, over all of its segments and months.
func ticketRate(rows []stat.Exposed, on bool) measure.Estimate {
	teams, tickets, exposure := map[string]bool{}, 0, 0.0
	for _, r := range rows {
		if r.A == on {
			teams[r.Cluster] = true
			tickets, exposure = tickets+r.Events, exposure+r.Exposure
		}
	}
	rate, ok := stat.Rate(tickets, exposure)
	if !ok {
		return measure.None("no team with active people and deployments")
	}
	return measure.Of(rate.Value, int64(len(teams))).Within(rate.Interval).With("tickets", float64(tickets)).With("dailyUserMonths", 100*exposure)
}

// bothSides are the segments that have teams on both sides in a month, and those
// that have not.
func bothSides(rows []stat.Exposed) (both, one []string) {
	type stratum struct{ segment, month string }
	sides, matched := map[stratum]pathCounts{}, map[string]bool{}
	for _, r := range rows {
		key := stratum{r.Block, r.Period}
		n := sides[key]
		if r.A {
			n.on++
		} else {
			n.off++
		}
		sides[key] = n
		matched[r.Block] = matched[r.Block] || n.on > 0 && n.off > 0
	}
	both = []string{}
	for _, segment := range slices.Sorted(maps.Keys(matched)) {
		if matched[segment] {
			both = append(both, segment)
		} else {
			one = append(one, segment)
		}
	}
	return both, one
}
