package adoption

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// settling is for how many days from the first deployment of all the record fills:
// what is seen first in them may have been there long before.
const settling = 30

var firstSeen = "A service is new in the time of its first deployment, anywhere, whether Stoa brought it (on the golden path) or something else told of it (off). " +
	"It is left out, and counted as left out, when that deployment replaced an earlier one, or came in the first " + strconv.Itoa(settling) + " days in which anybody deployed: it was there, or may have been, before the record."

// services is the record of when each service came, from the day on from which it
// tells what is new.
var services = &measure.Record{Begins: func(ctx context.Context, v *measure.View) (int64, bool, error) {
	first, ok, err := sightings.Begins(ctx, v)
	return first + settling, ok, err
}}

var sightings = measure.Earliest("SELECT min(at) FROM service_first")

// serviceMeasures count what is new. Where heard has begun nothing is a number too.
func serviceMeasures(heard *measure.Record) []measure.Measure {
	read := func(ctx context.Context, v *measure.View) (map[measure.Key]newServices, error) {
		found, err := readNewServices(ctx, v)
		if err != nil {
			return nil, err
		}
		return found, measure.Fill(ctx, v, heard, found)
	}
	share := measure.Definition{
		Name: "share-new-services-on-path", Title: "New services on the golden path", Question: "Does what is new start on the golden path?",
		Formula: "New services whose first deployment was on the golden path, as a share of all new services. " + firstSeen,
		Unit:    measure.Ratio, Better: measure.Higher, Version: 2, Cuts: byTeams(),
	}
	count := measure.Definition{
		Name: "new-services", Title: "New services", Question: "How much is new?",
		Formula: "Services that were new in the time. " + firstSeen,
		Unit:    measure.Count, Better: measure.Neither, Version: 2, Cuts: byTeams(measure.ByPath),
	}
	return services.Of(
		measure.New(share, read, func(d newServices) measure.Estimate {
			p, ok := stat.Proportion(d.on, d.all)
			if !ok {
				return d.noted(measure.None("no service was new in this time"))
			}
			return d.noted(measure.Of(p.Value, int64(d.all)).Within(p.Interval))
		}, newServicesEvidence),
		measure.New(count, read, func(d newServices) measure.Estimate {
			return d.noted(measure.Of(float64(d.all), int64(d.all)))
		}, newServicesEvidence),
	)
}

// newServices is how many services were new, how many of them on the path, and how
// many more were seen first but not new.
type newServices struct{ on, all, left int }

// noted adds what the estimate was made of.
func (d newServices) noted(e measure.Estimate) measure.Estimate {
	e = e.With("onPath", float64(d.on)).With("offPath", float64(d.all-d.on)).With("leftOut", float64(d.left))
	if d.left > 0 {
		e = e.Noted("%d more first seen, but left out: there before, or in the record's first %d days", d.left, settling)
	}
	return e
}

// firstSight is the first deployment of a service.
type firstSight struct {
	measure.Cell
	isNew bool
	seq   int64
}

func readFirstDeployments(ctx context.Context, v *measure.View) ([]firstSight, error) {
	since, _, err := services.Begins(ctx, v)
	if err != nil {
		return nil, err
	}
	rows, err := v.DB.Query(ctx, "SELECT service, team, at, path, there, seq FROM service_first WHERE at >= $1 AND at < $2 ORDER BY seq",
		measure.Micros(v.From), measure.Micros(v.To))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []firstSight
	for rows.Next() {
		var s firstSight
		var at, path, there int64
		if err := rows.Scan(&s.Service, &s.Team, &at, &path, &there, &s.seq); err != nil {
			return nil, err
		}
		s.Day, s.Path = measure.DayOf(at), measure.OffPath
		if path == 1 {
			s.Path = measure.OnPath
		}
		s.isNew = there == 0 && s.Day >= since
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
		switch {
		case !s.isNew:
			d.left++
		case s.Path == measure.OnPath:
			d.on++
			d.all++
		default:
			d.all++
		}
		found[key] = d
	}
	return found, nil
}

func newServicesEvidence(ctx context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
	all, err := readFirstDeployments(ctx, v)
	if err != nil {
		return nil, fmt.Errorf("evidence of new services: %w", err)
	}
	var sequences []int64
	for _, s := range all {
		if _, in := v.Key(s.Cell); in && s.isNew {
			sequences = append(sequences, s.seq)
		}
	}
	return measure.Page(sequences, after, limit), nil
}

// active counts teams that use the platform.
func activeTeams() measure.Measure {
	rate := adoptionRate()
	return measure.New(measure.Definition{
		Name: "active-teams", Title: "Active teams", Question: "How many teams use the platform?",
		Formula: "Teams with at least one qualifying use of a capability that is offered to them. The platform's own do not count.",
		Unit:    measure.Count, Better: measure.Higher, Version: 1, Cuts: slices.Clone(rate.Cuts),
	}, readRate, func(d reach) measure.Estimate {
		if d.could == 0 {
			return measure.None("no team could use it")
		}
		return measure.Of(float64(d.using), int64(d.could)).With("could", float64(d.could))
	}, rate.Evidence)
}
