package dora

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// The names of the measures.
const (
	DeploymentFrequency   = "deployment-frequency"
	DeploymentDays        = "deployment-days"
	LeadTime              = "lead-time"
	ChangeFailureRate     = "change-failure-rate"
	RecoveryTime          = "recovery-time"
	ReworkRate            = "rework-rate"
	MTTR                  = "mttr"
	UnattributedIncidents = "unattributed-incidents"
	FailedPipelines       = "failed-pipelines"
)

// thereAre says which days of a service count.
var thereAre = fmt.Sprintf("A service is there from a deployment to production on, for %d days or until the day of the next; "+
	"by path or team, it is where it was deployed last. Days to come do not count.", aliveFor)

// fromNone says what the interval is where nothing was deployed.
const fromNone = " Where so many services had no deployment that the interval would be from 0 to 0, it goes up to where the exact one of a Poisson count does of a service that had none."

// Measures gives the measures of delivery.
func Measures() []measure.Measure {
	cuts := []measure.Dimension{measure.ByTeam, measure.BySegment, measure.ByWave, measure.ByService, measure.ByPath}
	return (&measure.Record{Begins: deployedSince}).Of(
		measure.New(measure.Definition{
			Name: DeploymentFrequency, Title: "Deployment frequency", Question: "How often do services reach production?",
			Formula: "Deployments to production of each service ÷ the days on which it was there; the median of the services that were. " + thereAre + " Upgrades and rollbacks are deployments." + fromNone,
			Unit:    measure.PerDay, Better: measure.Higher, Version: 2, Cuts: cuts,
		}, reading{services: true}.tallies, frequency, deploymentEvidence("")),
		measure.New(measure.Definition{
			Name: DeploymentDays, Title: "Days with a deployment", Question: "On how many days of a week does a service reach production?",
			Formula: "Distinct days in UTC on which a service was deployed to production ÷ the weeks in which it was there; the median of the services that were. " + thereAre +
				" Ten deployments in a day are one day." + fromNone,
			Unit: measure.PerWeek, Better: measure.Higher, Version: 2, Cuts: cuts,
		}, reading{services: true}.tallies, deploymentDays, deploymentEvidence("")),
		measure.New(measure.Definition{
			Name: LeadTime, Title: "Lead time for changes", Question: "How long does a change take from its commit to production?",
			Formula: "Time of the deployment to production less the time of the commit, for each commit that it brought; the median of all. Left out, and counted: " +
				"commits later than their deployment, and deployments of which nobody said when their commits were made. " +
				"A rollback, and a deployment of the same commit as the one before, bring no change.",
			Unit: measure.Seconds, Better: measure.Lower, Version: 1, Cuts: cuts,
		}, reading{leads: true}.deployed, leadTime, bothEvidence(deploymentEvidence(""), commitEvidence)),
		measure.New(measure.Definition{
			Name: ChangeFailureRate, Title: "Change failure rate", Question: "How many deployments go wrong?",
			Formula: "Deployments to production that failed ÷ all deployments to production, each once. One failed if an incident or a fix names it, else if the next one rolled it back " +
				"or was a hot-fix, else if it was the last one of its service before an incident, within 24 hours. Other incidents are unattributed.",
			Unit: measure.Ratio, Better: measure.Lower, Version: 1, Cuts: cuts,
		}, reading{unattributed: true}.deployed, failureRate, bothEvidence(deploymentEvidence(""), failureEvidence)),
		measure.New(measure.Definition{
			Name: RecoveryTime, Title: "Failed deployment recovery time", Question: "How long until a failed deployment is mended?",
			Formula: "From the start of the first incident of a failed deployment (without one, from the deployment) until all its incidents are resolved " +
				"(where that was never said, until the deployment that mended it); the median of Kaplan and Meier, in which failures that nobody has mended yet count as lasting on.",
			Unit: measure.Seconds, Better: measure.Lower, Version: 2, Cuts: cuts,
		}, reading{waits: true}.deployed, recoveryTime, failureEvidence),
		measure.New(measure.Definition{
			Name: ReworkRate, Title: "Rework rate", Question: "How many deployments only mend others?",
			Formula: "Rollbacks and hot-fixes in production ÷ all deployments to production.",
			Unit:    measure.Ratio, Better: measure.Lower, Version: 1, Cuts: cuts,
		}, reading{}.deployed, reworkRate, deploymentEvidence("")),
		measure.New(measure.Definition{
			Name: MTTR, Title: "Time to restore", Question: "How long does an incident last?",
			Formula: "From the first word of an incident in production until it was last said to be resolved (one that is detected again goes on), for the incidents that began in the time; the median of Kaplan and Meier, " +
				"in which open ones count as lasting on. Incidents without an environment count. One is on the path if the deployment behind it is, else the last one of its service before.",
			Unit: measure.Seconds, Better: measure.Lower, Version: 2, Cuts: cuts,
		}, incidentTallies, restoreTime, incidentEvidence(false)),
		measure.New(measure.Definition{
			Name: UnattributedIncidents, Title: "Unattributed incidents", Question: "How many incidents had no deployment behind them?",
			Formula: "Incidents in production that name no known deployment and began more than 24 hours after the last one of their service.",
			Unit:    measure.Count, Better: measure.Neither, Version: 1, Cuts: cuts,
		}, incidentTallies, unattributed, incidentEvidence(true)),
		measure.New(measure.Definition{
			Name: FailedPipelines, Title: "Failed pipelines", Question: "How many pipeline runs failed?",
			Formula: "Pipeline runs that finished with a failure or an error, for whatever environment or for none, such as the tests of a change. None of them is a failed deployment by that alone.",
			Unit:    measure.Count, Better: measure.Lower, Version: 1, Cuts: cuts,
		}, pipelineTallies, failedPipelines, pipelineEvidence),
	)
}

// deployedSince is the day of the first deployment to production.
func deployedSince(ctx context.Context, v *measure.View) (day int64, ok bool, err error) {
	for id, counts := range v.Org.Production {
		if !counts {
			continue
		}
		var first sql.NullInt64
		if err := v.DB.QueryRow(ctx, "SELECT min(at) FROM deployments WHERE environment = $1", id).Scan(&first); err != nil {
			return 0, false, fmt.Errorf("read the first deployment: %w", err)
		}
		if at := measure.DayOf(first.Int64); first.Valid && (!ok || at < day) {
			day, ok = at, true
		}
	}
	return day, ok, nil
}

// of makes an estimate of one of package stat.
func of(e stat.Estimate, ok bool, empty string) measure.Estimate {
	if !ok {
		return measure.None(empty)
	}
	return measure.Of(e.Value, int64(e.N)).Within(e.Interval)
}

func (t *tally) noted(e measure.Estimate) measure.Estimate {
	if t.nowhere > 0 {
		e = e.Noted("left out: %d × a deployment without an environment", t.nowhere)
	}
	return e.Without(int64(t.own))
}

const (
	noDeployments = "no deployment to production"
	noServices    = noDeployments + " in the time, or shortly before it"
)

func frequency(t *tally) measure.Estimate {
	median, ok := stat.Median(t.aDay())
	e := of(t.upFromNone(median, 1), ok, noServices)
	if days, ok := stat.Median(t.daysAWeek()); ok {
		e = e.With("services", t.deployedServices()).With("deployments", float64(t.n)).With("deploymentDaysPerWeek", days.Value)
	}
	return t.noted(e)
}

// upFromNone is the median of what services come to in so many days, with an interval
// that does not end at 0: where so many of them had no deployment that it would, it
// ends where that of one service does that had none, on the days on which the median
// service was there. It had none yet; nobody knows that it never will.
func (t *tally) upFromNone(e stat.Estimate, days float64) stat.Estimate {
	if len(t.services) == 0 || e.Interval.High != 0 {
		return e
	}
	var there []float64
	for _, s := range t.services {
		there = append(there, float64(s.there))
	}
	if median, ok := stat.Median(there); ok {
		if none, ok := stat.Rate(0, median.Value/days); ok {
			e.Interval.High = none.Interval.High
		}
	}
	return e
}

// deployedServices is how many services were deployed in the time, of those that were
// there.
func (t *tally) deployedServices() float64 {
	n := 0.0
	for _, s := range t.services {
		if s.n > 0 {
			n++
		}
	}
	return n
}

// aDay gives the deployments of each service on a day on which it was there.
func (t *tally) aDay() []float64 {
	all := make([]float64, 0, len(t.services))
	for _, s := range t.services {
		all = append(all, float64(s.n)/float64(s.there))
	}
	return all
}

// daysAWeek gives the days with a deployment of each service in a week in which it was
// there.
func (t *tally) daysAWeek() []float64 {
	all := make([]float64, 0, len(t.services))
	for _, s := range t.services {
		all = append(all, 7*float64(s.distinctDays())/float64(s.there))
	}
	return all
}

func deploymentDays(t *tally) measure.Estimate {
	median, ok := stat.Median(t.daysAWeek())
	return t.noted(of(t.upFromNone(median, 7), ok, noServices).With("services", t.deployedServices()).With("deployments", float64(t.n)))
}

func leadTime(t *tally) measure.Estimate {
	median, ok := stat.Median(t.leads)
	empty := noDeployments
	if t.n > 0 {
		empty = "no change with the time of its commit"
	}
	e := of(median, ok, empty)
	if t.backward > 0 {
		e = e.Noted("left out: %d × a commit later than its deployment", t.backward)
	}
	if t.silent > 0 {
		e = e.Noted("of %d of %d deployments nobody said when their commits were made", t.silent, t.n)
	}
	return t.noted(e.With("deployments", float64(t.n)).With("backward", float64(t.backward)).With("withoutCommit", float64(t.silent)))
}

func failureRate(t *tally) measure.Estimate {
	share, ok := stat.Proportion(t.failures(), t.n)
	e := of(share, ok, noDeployments)
	if t.unattributed > 0 {
		e = e.Noted("%d × an incident that no deployment stands behind", t.unattributed)
	}
	for _, p := range []struct {
		name string
		n    int
	}{
		{"failed", t.failures()}, {"deployments", t.n}, {"explicit", t.failed[failedLinked]}, {"rolledBack", t.failed[failedRolledBack]},
		{"hotFixed", t.failed[failedHotfixed]}, {"incident", t.failed[failedIncident]}, {"unattributedIncidents", t.unattributed},
	} {
		e = e.With(p.name, float64(p.n))
	}
	return t.noted(e)
}

func reworkRate(t *tally) measure.Estimate {
	share, ok := stat.Proportion(t.rework, t.n)
	return t.noted(of(share, ok, noDeployments).With("rework", float64(t.rework)).With("deployments", float64(t.n)))
}

func recoveryTime(t *tally) measure.Estimate {
	empty := noDeployments
	if t.n > 0 {
		empty = "no deployment failed"
	}
	e := median(t.waits, empty, "failed deployments")
	if t.mendless > 0 {
		e = e.Noted("%d that ended before they began are left out", t.mendless)
	}
	return t.noted(e)
}

func restoreTime(t *incidentTally) measure.Estimate {
	e := median(t.waits, "no incident", "incidents")
	if t.backward > 0 {
		e = e.Noted("%d that ended before they began are left out", t.backward)
	}
	return e.With("unattributed", float64(t.unattributed)).Without(int64(t.own))
}

// median is the time by which half of the waits were over.
func median(waits []stat.Wait, empty, what string) measure.Estimate {
	e, curve := measure.HalfOver(waits, what, "over", empty)
	if curve.N == 0 {
		return e
	}
	return e.With("open", float64(curve.Censored)).With("ended", float64(curve.Events))
}

func unattributed(t *incidentTally) measure.Estimate {
	if t.n == 0 {
		return measure.None("no incident").Without(int64(t.own))
	}
	return measure.Counted(t.unattributed, t.n).With("incidents", float64(t.n)).Without(int64(t.own))
}

func failedPipelines(t pipelineTally) measure.Estimate {
	if t.n == 0 {
		return measure.None("no pipeline run failed").Without(int64(t.own))
	}
	return measure.Counted(t.n, t.n).Without(int64(t.own))
}

// evidence gives a page of what collect gathers.
func evidence(collect func(context.Context, *measure.View, func(seq int64)) error) func(context.Context, *measure.View, int64, int) ([]int64, error) {
	return func(ctx context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
		var all []int64
		if err := collect(ctx, v, func(seq int64) { all = append(all, seq) }); err != nil {
			return nil, err
		}
		return measure.Page(all, after, limit), nil
	}
}
