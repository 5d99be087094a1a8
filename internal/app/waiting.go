package app

import "github.com/stoa-platform/stoa/internal/measure"

// waitingMeasures are those whose data nothing tells yet: they are named, so
// that a scorecard can hold them, and say what they wait for.
func waitingMeasures() []measure.Measure {
	var all []measure.Measure
	for _, d := range []measure.Definition{
		{Name: "nps", Title: "Net promoter score", Question: "Would people recommend the platform?", Unit: measure.Score, Better: measure.Higher,
			Formula: "Promoters (9, 10) less detractors (0 to 6), of a hundred answers; interval by the adjusted Wald method.", Waits: "answers to a survey"},
		{Name: "availability", Title: "Platform uptime", Question: "Is the platform there when it is needed?", Unit: measure.Ratio, Better: measure.Higher,
			Formula: "Good ÷ valid events of the platform's service level.", Waits: "a service level objective"},
		{Name: "error-budget", Title: "Error budget left", Question: "How much may still go wrong?", Unit: measure.Ratio, Better: measure.Higher,
			Formula: "1 − errors ÷ errors that the objective allows.", Waits: "a service level objective"},
		{Name: "burn-rate", Title: "Burn rate", Question: "How fast is the error budget used up?", Unit: measure.Count, Better: measure.Lower,
			Formula: "Share of events that went wrong ÷ the share that the objective allows; 1 uses the budget up just at its end.", Waits: "a service level objective"},
		{Name: "service-latency-p95", Title: "Latency of services", Question: "Do services answer at once?", Unit: measure.Seconds, Better: measure.Lower,
			Formula: "The time within which 95 of 100 requests to services were answered.", Waits: "a record of latencies"},
		{Name: "support-capacity", Title: "Support capacity", Question: "Can those who help answer those who ask?", Unit: measure.Ratio, Better: measure.Lower,
			Formula: "Hours of support that were asked for ÷ hours staffed.", Waits: "the hours of the rota"},
		{Name: "priority", Title: "What to build next", Question: "Which request is worth most?", Unit: measure.Score, Better: measure.Neither,
			Formula: "Reach × pain × confidence ÷ effort of a request; one without an effort is ranked apart.", Waits: "requests with an effort"},
		{Name: "cost-per-service", Title: "Cost of a service", Question: "What does a service cost in 30 days?", Unit: measure.Money, Better: measure.Lower,
			Formula: "Effective cost of the services ÷ services.", Waits: "cost data"},
		{Name: "cost-per-deployment", Title: "Cost of a deployment", Question: "What does a deployment cost?", Unit: measure.Money, Better: measure.Lower,
			Formula: "Effective cost ÷ successful production deployments.", Waits: "cost data"},
		{Name: "platform-cost", Title: "Cost of the platform", Question: "What does the platform itself cost in 30 days?", Unit: measure.Money, Better: measure.Lower,
			Formula: "People, infrastructure and licences of the platform.", Waits: "cost data"},
		{Name: "recovered-cost", Title: "Recovered cost", Question: "How much of what the platform costs do its customers bear?", Unit: measure.Ratio, Better: measure.Higher,
			Formula: "What is charged to teams ÷ what the platform costs.", Waits: "cost data and rates"},
		{Name: "deprecation-burn-down", Title: "Still on what is deprecated", Question: "Who must still move?", Unit: measure.Count, Better: measure.Lower,
			Formula: "Services that still use the target of a deprecation.", Waits: "a deprecation"},
		{Name: "return", Title: "Return", Question: "Is the platform worth what it costs?", Unit: measure.Money, Better: measure.Higher,
			Formula: "Hours saved and systems consolidated, at the organisation's own rate, less the platform's cost.", Waits: "cost data and the organisation's rates"},
	} {
		d.Version = 1
		all = append(all, measure.Waiting(d))
	}
	return all
}
