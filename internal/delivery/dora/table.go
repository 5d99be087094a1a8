package dora

import (
	"context"
	"maps"
	"slices"

	"github.com/stoa-platform/stoa/internal/measure"
)

// Row is all measures of one group, by their names.
type Row struct {
	Group  string                      `json:"group"`
	Values map[string]measure.Estimate `json:"values"`
}

// ofDeployments are the measures whose value follows from one reading of the
// deployments.
func ofDeployments() []struct {
	name  string
	value func(*tally) measure.Estimate
} {
	return []struct {
		name  string
		value func(*tally) measure.Estimate
	}{
		{DeploymentFrequency, frequency}, {DeploymentDays, deploymentDays}, {LeadTime, leadTime},
		{ChangeFailureRate, failureRate}, {RecoveryTime, recoveryTime}, {ReworkRate, reworkRate},
	}
}

// Table gives the measures of each group of the view's cut over its whole time,
// sorted by group: a table of teams, or of services. It reads each summary once.
func Table(ctx context.Context, v *measure.View) ([]Row, error) {
	scope := v.Scope
	scope.Step = measure.Whole
	v = measure.NewView(v.DB, v.Org, scope).Share()
	deployments, err := everything.tallies(ctx, v)
	if err != nil {
		return nil, err
	}
	groups := map[string]map[string]measure.Estimate{}
	put := func(key measure.Key, name string, e measure.Estimate) {
		if groups[key.Group] == nil {
			groups[key.Group] = map[string]measure.Estimate{}
		}
		groups[key.Group][name] = e
	}
	for key, t := range deployments {
		for _, m := range ofDeployments() {
			put(key, m.name, m.value(t))
		}
	}
	incidents, err := incidentTallies(ctx, v)
	if err != nil {
		return nil, err
	}
	for key, t := range incidents {
		put(key, MTTR, restoreTime(t))
		put(key, UnattributedIncidents, unattributed(t))
	}
	table := []Row{}
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		table = append(table, Row{group, groups[group]})
	}
	return table, nil
}
