package adoption

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// settling is for how many days from the first deployment of all the record fills:
// what is seen first in them may have been there long before.
const settling = 30

var firstSeen = "A service is new in the time of its first deployment, anywhere, whether Stoa brought it (on the golden path) or something else told of it (off). " +
	"It is left out, and counted as left out, when that deployment replaced an earlier one, or came in the first " + strconv.Itoa(settling) + " days in which anybody deployed: it was there, or may have been, before the record. So is what " +
	"a source that is not Stoa tells of first, with others, in its own first " + strconv.Itoa(settling) + " days, counted from its first event, such as a webhook or a history that was connected later; the note says which, and since when it is known."

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
		Unit:    measure.Ratio, Better: measure.Higher, Version: 4, Cuts: byTeams(),
	}
	count := measure.Definition{
		Name: "new-services", Title: "New services", Question: "How much is new?",
		Formula: "Services that were new in the time. " + firstSeen,
		Unit:    measure.Count, Better: measure.Neither, Version: 4, Cuts: byTeams(measure.ByPath),
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

// newServices is how many services were new, how many of them on the path, how
// many more were seen first but not new, and how many new ones were of teams that run
// the platform.
type newServices struct {
	on, all, left, own int
	since              map[string]int64 // the sources that were new, with the day from which they are known
}

// noted adds what the estimate was made of.
func (d newServices) noted(e measure.Estimate) measure.Estimate {
	e = e.With("onPath", float64(d.on)).With("offPath", float64(d.all-d.on)).With("leftOut", float64(d.left))
	if d.left > 0 {
		e = e.Noted("%d more first seen, but left out: there before, or in the first %d days of the record or of its source", d.left, settling)
	}
	sources := slices.SortedFunc(maps.Keys(d.since), func(a, b string) int { return cmp.Or(cmp.Compare(d.since[a], d.since[b]), cmp.Compare(a, b)) })
	for _, source := range sources[:min(len(sources), sourcesNamed)] {
		e = e.Noted("%s is known since %s", source, measure.Date(d.since[source]).Format(time.DateOnly))
	}
	if more := len(sources) - sourcesNamed; more > 0 {
		e = e.Noted("%d more sources are new", more)
	}
	return e.Without(int64(d.own))
}

// sourcesNamed is how many sources a note names.
const sourcesNamed = 3

// firstSight is the first deployment of a service.
type firstSight struct {
	measure.Cell
	isNew  bool
	seq    int64
	source string // that told of it
	since  int64  // the day from which the source is known, where it is left out for that; else 0
}

// readFirstDeployments gives the first deployments of services that are of the view's time.
// One is not new if its source tells of it, and of others, off the path and in the
// first days that it is known.
func readFirstDeployments(ctx context.Context, v *measure.View) ([]firstSight, error) {
	begins, _, err := services.Begins(ctx, v)
	if err != nil {
		return nil, err
	}
	const early = "o.path = 0 AND o.at < (s.day + $3) * $4"
	rows, err := v.DB.Query(ctx, `SELECT f.service, f.team, f.at, f.path, f.there, f.seq, d.name, s.day,
			`+strings.ReplaceAll(early, "o.", "f.")+` AND EXISTS (SELECT 1 FROM service_first o WHERE o.source = f.source AND o.service <> f.service AND `+early+`)
		FROM service_first f JOIN source_first s ON s.source = f.source JOIN dim d ON d.id = f.source
		WHERE f.at >= $1 AND f.at < $2`, measure.Micros(v.From), measure.Micros(v.To), settling, measure.Micros(1))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []firstSight
	for rows.Next() {
		var s firstSight
		var at, path, there, since int64
		var withOthers bool
		if err := rows.Scan(&s.Service, &s.Team, &at, &path, &there, &s.seq, &s.source, &since, &withOthers); err != nil {
			return nil, err
		}
		s.Day, s.Path = measure.DayOf(at), measure.OffPath
		if path == 1 {
			s.Path = measure.OnPath
		}
		s.isNew = there == 0 && s.Day >= begins
		if s.isNew && withOthers {
			s.isNew, s.since = false, since
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
		own := false
		if !in {
			if key, own = v.Own(s.Cell); !own || !s.isNew {
				continue
			}
		}
		d := found[key]
		switch {
		case own:
			d.own++
		case !s.isNew:
			d.left++
			if s.since != 0 {
				if d.since == nil {
					d.since = map[string]int64{}
				}
				d.since[s.source] = s.since
			}
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
		Formula: "Teams with at least one qualifying use of a capability that is offered to them.",
		Unit:    measure.Count, Better: measure.Higher, Version: 1, Cuts: slices.Clone(rate.Cuts),
	}, readRate, func(d reach) measure.Estimate {
		if d.could == 0 {
			return measure.None("no team could use it")
		}
		return measure.Of(float64(d.using), int64(d.could)).With("could", float64(d.could))
	}, rate.Evidence)
}
