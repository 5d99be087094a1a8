package portal

import (
	"maps"
	"slices"
	"strconv"

	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// compare lists the detected and set values in which two releases differ.
func compare(before, after delivery.Release) []page.Difference {
	was, is := values(before), values(after)
	fields := map[string]bool{}
	for field := range was {
		fields[field] = true
	}
	for field := range is {
		fields[field] = true
	}
	var all []page.Difference
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if was[field] != is[field] {
			all = append(all, page.Difference{Field: field, Old: was[field], New: is[field]})
		}
	}
	return all
}

// values are what a release was made with, by field.
func values(rel delivery.Release) map[string]string {
	all := map[string]string{}
	for _, d := range rel.Status.Detected {
		all[d.Field] = d.Value
	}
	for key, value := range rel.Spec.Set {
		all["set "+key] = value
	}
	if rel.Spec.Memory != "" {
		all["set memory"] = rel.Spec.Memory
	}
	if rel.Spec.CPU != "" {
		all["set cpu"] = rel.Spec.CPU
	}
	if rel.Spec.Replicas != nil {
		all["set replicas"] = strconv.Itoa(*rel.Spec.Replicas)
	}
	return all
}

// steps are a release's steps with their share of its time.
func steps(rel delivery.Release) []page.Step {
	var sum int64
	for _, s := range rel.Status.Steps {
		sum += s.Millis
	}
	var all []page.Step
	for _, s := range rel.Status.Steps {
		step := page.Step{Name: s.Name, State: stepState(s.State), Says: s.Message}
		if s.State == delivery.StepWaiting && rel.Status.Phase.Final() {
			step.Word = "not reached"
		}
		if s.State == delivery.StepDone || s.State == delivery.StepFailed {
			step.Took = page.Took(s.Millis)
			if sum > 0 {
				step.Share = float64(s.Millis) / float64(sum)
			}
		}
		if s.Started != nil {
			step.Started = *s.Started
		}
		all = append(all, step)
	}
	return all
}

func stepState(s delivery.StepState) page.State {
	switch s {
	case delivery.StepDone:
		return page.State{Level: page.Good, Word: "done"}
	case delivery.StepFailed:
		return page.State{Level: page.Bad, Word: "failed"}
	case delivery.StepRunning:
		return page.State{Level: page.Busy, Word: "running"}
	default:
		return page.State{Level: page.Unknown, Word: "waiting"}
	}
}
