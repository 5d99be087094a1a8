// Package adoption knows who uses the platform: which teams could and which do,
// how many people, what new teams wait for, where they stop, and what stands in
// their way. It keeps the summaries that tell it and never names a person.
package adoption

import (
	"slices"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
)

// Projectors are those of the summaries that adoption reads.
func Projectors() []event.Projector {
	return []event.Projector{Usage{}, Milestones{}, Friction{}, measure.Spans{}}
}

// Measures are the measures of who uses the platform.
func Measures() []measure.Measure {
	return slices.Concat(
		[]measure.Measure{adoptionRate(), activeTeams()}, peopleMeasures(&keptDays{}),
		[]measure.Measure{retentionMeasure(), forecastMeasure(), timeToAccess()}, wayMeasures(),
		serviceMeasures(), hindranceMeasures(),
	)
}
