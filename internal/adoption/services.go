package adoption

import (
	"context"
	"fmt"
	"slices"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
)

const firstSeen = "A service is new in the time of its first deployment, anywhere, whether Stoa brought it (on the golden path) or something else told of it (off)."

func serviceMeasures() []measure.Measure {
	share := measure.Definition{
		Name: "share-new-services-on-path", Title: "New services on the golden path", Question: "Does what is new start on the golden path?",
		Formula: "New services whose first deployment was on the golden path, as a share of all new services. " + firstSeen,
		Unit:    measure.Ratio, Better: measure.Higher, Version: 1, Cuts: byTeams(),
	}
	count := measure.Definition{
		Name: "new-services", Title: "New services", Question: "How much is new?",
		Formula: "Services that were new in the time. " + firstSeen,
		Unit:    measure.Count, Better: measure.Neither, Version: 1, Cuts: byTeams(measure.ByPath),
	}
	return []measure.Measure{
		measure.New(share, readNewServices, func(d newServices) measure.Estimate {
			p, ok := stat.Proportion(d.on, d.all)
			if !ok {
				return measure.None("no service was new in this time")
			}
			return measure.Of(p.Value, int64(d.all)).Within(p.Interval).With("onPath", float64(d.on)).With("offPath", float64(d.all-d.on))
		}, newServicesEvidence),
		measure.New(count, readNewServices, func(d newServices) measure.Estimate {
			return measure.Of(float64(d.all), int64(d.all)).With("onPath", float64(d.on)).With("offPath", float64(d.all-d.on))
		}, newServicesEvidence),
	}
}

// newServices is how many services were new, and how many of them on the path.
type newServices struct{ on, all int }

// newService is the first deployment of a service.
type newService struct {
	measure.Cell
	seq int64
}

func readFirstDeployments(ctx context.Context, v *measure.View) ([]newService, error) {
	rows, err := v.DB.Query(ctx, "SELECT service, team, at, path, seq FROM service_first WHERE at >= $1 AND at < $2 ORDER BY seq",
		measure.Micros(v.From), measure.Micros(v.To))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []newService
	for rows.Next() {
		var s newService
		var at, path int64
		if err := rows.Scan(&s.Service, &s.Team, &at, &path, &s.seq); err != nil {
			return nil, err
		}
		s.Day, s.Path = measure.DayOf(at), measure.OffPath
		if path == 1 {
			s.Path = measure.OnPath
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

func readNewServices(ctx context.Context, v *measure.View) (map[measure.Key]newServices, error) {
	all, err := readFirstDeployments(ctx, v)
	if err != nil {
		return nil, err
	}
	found := map[measure.Key]newServices{}
	for _, s := range all {
		key, in := v.Key(s.Cell)
		if !in {
			continue
		}
		d := found[key]
		d.all++
		if s.Path == measure.OnPath {
			d.on++
		}
		found[key] = d
	}
	return found, fill(ctx, v, found)
}

func newServicesEvidence(ctx context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
	all, err := readFirstDeployments(ctx, v)
	if err != nil {
		return nil, fmt.Errorf("evidence of new services: %w", err)
	}
	var sequences []int64
	for _, s := range all {
		if _, in := v.Key(s.Cell); in {
			sequences = append(sequences, s.seq)
		}
	}
	return measure.Page(sequences, after, limit), nil
}

// fill gives each group that has data the buckets in which it has none: where
// anything was recorded nothing is a number too.
func fill[D any](ctx context.Context, v *measure.View, found map[measure.Key]D) error {
	since, ok, err := heardSince(ctx, v.DB)
	if err != nil || !ok {
		return err
	}
	groups := map[string]bool{}
	if v.By == "" {
		groups[measure.Everything] = true
	}
	for key := range found {
		groups[key.Group] = true
	}
	for i, b := range v.Buckets() {
		if b.To <= since {
			continue
		}
		for group := range groups {
			key := measure.Key{Group: group, Bucket: i}
			if _, there := found[key]; !there {
				var none D
				found[key] = none
			}
		}
	}
	return nil
}

// active counts teams that use the platform.
func activeTeams() measure.Measure {
	rate := adoptionRate()
	return measure.New(measure.Definition{
		Name: "active-teams", Title: "Active teams", Question: "How many teams use the platform?",
		Formula: "Teams with at least one qualifying use of a capability that is offered to them. The platform's own do not count.",
		Unit:    measure.Count, Better: measure.Higher, Version: 1, Cuts: slices.Clone(rate.Cuts),
	}, readRate, func(d reach) measure.Estimate {
		return measure.Of(float64(d.using), int64(d.could)).With("could", float64(d.could))
	}, rate.Evidence)
}
