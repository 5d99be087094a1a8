package adoption

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// wayTo is a step of a team's way that is waited for since its start.
type wayTo struct {
	definition measure.Definition
	// reached gives when a team got there.
	reached func(map[Milestone]moment) (moment, bool)
}

const waitCounted = "Median by Kaplan and Meier over the teams that asked for access in the time, or were given it where no request is recorded. " +
	"Who is not there yet counts as waiting until the end of the time; those who set out before it and still wait are told apart, " +
	"since the time says nothing of how those who set out with them fared."

func wayMeasures() []measure.Measure {
	first := func(m Milestone) func(map[Milestone]moment) (moment, bool) {
		return func(reached map[Milestone]moment) (moment, bool) {
			at, ok := reached[m]
			return at, ok
		}
	}
	define := func(name, title, question, formula string) measure.Definition {
		return measure.Definition{Name: name, Title: title, Question: question, Formula: formula + " " + waitCounted,
			Unit: measure.Seconds, Better: measure.Lower, Version: 1, Cuts: byTeams()}
	}
	ways := []wayTo{
		{define("time-to-first-deployment", "Time to first deployment", "How long does a new team need until it deploys?",
			"From the request for access to the first deployment on the golden path."), first(FirstDeployment)},
		{define("time-to-first-log-query", "Time to first log query", "How long does a new team need until it looks at its logs?",
			"From the request for access to the first look at logs."), first(FirstLogQuery)},
		{define("time-to-first-alert", "Time to first alert", "How long does a new team need until it is alerted?",
			"From the request for access to the first alert."), first(FirstAlert)},
		{define("time-to-onboard", "Time to onboard", "How long does a new team need until it is on the platform?",
			"From the request for access until it has deployed, looked at its logs and been alerted."), onboarded},
	}
	measures := make([]measure.Measure, len(ways))
	for i, w := range ways {
		measures[i] = measure.New(w.definition, w.read, waitEstimate, w.evidence)
	}
	return measures
}

// onboarded gives when a team had deployed, looked at its logs and been alerted.
func onboarded(reached map[Milestone]moment) (last moment, ok bool) {
	for _, m := range []Milestone{FirstDeployment, FirstLogQuery, FirstAlert} {
		at, there := reached[m]
		if !there {
			return moment{}, false
		}
		if last.before(at) {
			last = at
		}
	}
	return last, true
}

// started gives when a team set out: when it asked for access, or was given it
// where it was not asked for before.
func started(reached map[Milestone]moment) (at moment, asked, ok bool) {
	request, asked := reached[AccessAsked]
	grant, granted := reached[AccessGranted]
	if granted && (!asked || grant.before(request)) {
		return grant, false, true
	}
	return request, asked, asked
}

// waiting is who waited for something, and how long.
type waiting struct {
	waits []stat.Wait
	// granted is how many set out with the grant, no request being recorded; before
	// how many were there before they set out: they are left out.
	granted, before int
	// longer is how many set out earlier and still wait.
	longer   int
	evidence []int64
}

func (w wayTo) read(ctx context.Context, v *measure.View) (map[measure.Key]waiting, error) {
	reached, err := readMilestones(ctx, v)
	if err != nil {
		return nil, err
	}
	until, err := knownUntil(ctx, v.DB, Milestones{}, measure.Micros(v.To))
	if err != nil {
		return nil, err
	}
	found := map[measure.Key]waiting{}
	for _, team := range v.Teams() {
		start, asked, ok := started(reached[team])
		if !ok {
			continue
		}
		group, _ := v.TeamGroup(team)
		there, got := w.reached(reached[team])
		for i, b := range v.Buckets() {
			end := min(until, measure.Micros(b.To))
			if team.Until != 0 {
				end = min(end, measure.Micros(team.Until))
			}
			arrived := got && there.at < end
			if start.at >= end || arrived && start.at < measure.Micros(b.From) {
				continue
			}
			key := measure.Key{Group: group, Bucket: i}
			d := found[key]
			if start.at < measure.Micros(b.From) {
				d.longer++
				found[key] = d
				continue
			}
			switch {
			case arrived && there.at < start.at:
				d.before++
			case arrived:
				d.waits = append(d.waits, stat.Wait{Duration: seconds(there.at - start.at), Event: true})
				d.evidence = append(d.evidence, start.seq, there.seq)
			default:
				d.waits = append(d.waits, stat.Wait{Duration: seconds(end - start.at)})
				d.evidence = append(d.evidence, start.seq)
			}
			if !asked {
				d.granted++
			}
			found[key] = d
		}
	}
	return found, nil
}

func (w wayTo) evidence(ctx context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
	whole := *v
	whole.By = ""
	groups, err := w.read(ctx, &whole)
	if err != nil {
		return nil, fmt.Errorf("evidence of %s: %w", w.definition.Name, err)
	}
	var all []int64
	for _, d := range groups {
		all = append(all, d.evidence...)
	}
	return measure.Page(all, after, limit), nil
}

func seconds(micros int64) float64 { return float64(micros) / 1e6 }

// waitEstimate is the median wait.
func waitEstimate(d waiting) measure.Estimate {
	e := measure.None("nobody set out in this time")
	if curve, ok := stat.KaplanMeier(d.waits); ok {
		median, _ := curve.Median()
		e = measure.Estimate{N: int64(curve.N)}
		if median.Reached {
			e = measure.Of(median.Time, int64(curve.N))
		} else {
			e = e.Noted("fewer than half of %d are there; the longest waits since %s", curve.N, duration(curve.Longest))
		}
		e = e.Within(median.Interval).With("arrived", float64(curve.Events)).With("waiting", float64(curve.Censored))
	}
	if d.longer > 0 {
		e = e.Noted("%d that set out before this time still wait", d.longer).With("waitingLonger", float64(d.longer))
	}
	if d.granted > 0 {
		e = e.Noted("%d of %d from the grant of access, since no request was recorded", d.granted, len(d.waits)+d.before)
	}
	if d.before > 0 {
		e = e.Noted("%d left out that were there before they set out", d.before)
	}
	return e
}

// duration writes seconds in words of a size that people use.
func duration(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%.0f days", d.Hours()/24)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%.0f hours", d.Hours())
	}
	switch n := math.Round(d.Minutes()); n {
	case 0:
		return "less than a minute"
	case 1:
		return "1 minute"
	default:
		return fmt.Sprintf("%.0f minutes", n)
	}
}
