// Package adoption knows who uses the platform: which teams could and which do,
// how many people, what new teams wait for, where they stop, and what stands in
// their way. It keeps the summaries that tell it and never names a person.
package adoption

import (
	"context"
	"slices"

	"github.com/stoa-platform/stoa/internal/adoption/friction"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
)

// Projectors are those of the summaries that adoption reads.
func Projectors() []event.Projector {
	return []event.Projector{Usage{}, Milestones{}, friction.Projector{}, measure.Spans{}}
}

// People reads who was active, for all measures that are of people or divided by
// them. The zero value works.
type People struct{ kept keptDays }

// Measures are the measures of who uses the platform.
func Measures(people *People) []measure.Measure {
	used := &measure.Record{Begins: func(ctx context.Context, v *measure.View) (int64, bool, error) { return recordedSince(ctx, v.DB) }}
	heard := &measure.Record{Begins: func(ctx context.Context, v *measure.View) (int64, bool, error) { return heardSince(ctx, v.DB) }}
	return slices.Concat(
		used.Of(adoptionRate(), activeTeams()), used.Of(peopleMeasures(&people.kept)...),
		used.Of(retentionMeasure(), forecastMeasure()), heard.Of(timeToAccess()), heard.Of(wayMeasures()...),
		serviceMeasures(heard), friction.Measures(heard),
	)
}
