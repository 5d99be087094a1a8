package adoption

import "github.com/stoa-platform/stoa/internal/measure"

// waitingMeasures are those whose data nobody gives yet. They stand in scorecards
// from the first day, with what they wait for.
func waitingMeasures() []measure.Measure {
	var all []measure.Measure
	for _, d := range []measure.Definition{
		{Name: "nps", Title: "Net promoter score", Question: "Would people recommend the platform?",
			Formula: "100 times the share of answers of 9 and 10 less that of 0 to 6. A survey that was put away is no answer.",
			Unit:    measure.Score, Better: measure.Higher, Waits: "answers to a survey"},
		{Name: "availability", Title: "Platform uptime", Question: "Is the platform there when it is needed?",
			Formula: "Good events as a share of valid ones, over the platform's own objectives.",
			Unit:    measure.Ratio, Better: measure.Higher, Waits: "service level objectives"},
		{Name: "error-budget", Title: "Error budget left", Question: "How much may still go wrong?",
			Formula: "The share that is left of the errors that the objectives allow.",
			Unit:    measure.Ratio, Better: measure.Higher, Waits: "service level objectives"},
		{Name: "cost-per-service", Title: "Cost per service", Question: "What does a service cost in a month?",
			Formula: "What was spent in 30 days, idle and shared capacity included, ÷ services.",
			Unit:    measure.Money, Better: measure.Lower, Waits: "cost data"},
		{Name: "cost-per-deployment", Title: "Cost per deployment", Question: "What does a deployment cost?",
			Formula: "What building and releasing cost ÷ deployments.",
			Unit:    measure.Money, Better: measure.Lower, Waits: "cost data"},
		{Name: "recovered-cost", Title: "Recovered cost", Question: "How much of what the platform costs do its customers bear?",
			Formula: "What is charged to teams as a share of what the platform costs.",
			Unit:    measure.Ratio, Better: measure.Higher, Waits: "cost data and rates"},
		{Name: "deprecation-burn-down", Title: "Still on what is deprecated", Question: "Who still uses what will go?",
			Formula: "Services with a use of something deprecated in the time.",
			Unit:    measure.Count, Better: measure.Lower, Waits: "a deprecation"},
		{Name: "return", Title: "Return", Question: "Is the platform worth what it costs?",
			Formula: "Hours saved, by measured differences, at the organisation's own rate, and systems consolidated, less what the platform costs.",
			Unit:    measure.Money, Better: measure.Higher, Waits: "cost data and an hourly rate"},
	} {
		d.Version, d.Cuts = 1, []measure.Dimension{}
		all = append(all, measure.Waiting(d))
	}
	return all
}
