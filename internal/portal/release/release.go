// Package release says how a release went: in a word, in a sentence, step by step, and
// beside another one.
package release

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// Compare lists the detected and set values in which two releases differ.
func Compare(before, after delivery.Release) []page.Difference {
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

// Steps are a release's steps with their share of its time.
func Steps(rel delivery.Release) []page.Step {
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
		if s.State == delivery.StepDone || s.State == delivery.StepFailed || s.State == delivery.StepCancelled {
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
	case delivery.StepCancelled:
		return page.State{Level: page.Unknown, Word: "cancelled"}
	case delivery.StepRunning:
		return page.State{Level: page.Busy, Word: "running"}
	default:
		return page.State{Level: page.Unknown, Word: "waiting"}
	}
}

// Phase is the state of a release.
func Phase(of delivery.Phase) page.State {
	switch of {
	case delivery.Succeeded:
		return page.State{Level: page.Good, Word: "succeeded"}
	case delivery.Failed:
		return page.State{Level: page.Bad, Word: "failed"}
	case delivery.Cancelled:
		return page.State{Level: page.Unknown, Word: "cancelled"}
	case delivery.Releasing:
		return page.State{Level: page.Busy, Word: "under way"}
	default:
		return page.State{Level: page.Busy, Word: "waiting"}
	}
}

// Sentence says what became of a release; serving is the one that serves
// in its environment now, "" when none does.
func Sentence(rel delivery.Release, serving string) string {
	env := rel.Spec.Environment
	switch rel.Status.Phase {
	case delivery.Succeeded:
		text := "It took " + cmp.Or(Took(rel), "no time that is known")
		if serving == rel.Metadata.Name {
			return text + " and serves in " + env + " now."
		}
		return text + "; " + cmp.Or(serving, "nothing") + " serves in " + env + " now."
	case delivery.Failed, delivery.Cancelled:
		return "It ended at " + rel.Status.Current().Name + "; " + cmp.Or(serving, "nothing") + " serves in " + env + " now."
	case delivery.Releasing:
		for _, step := range rel.Status.Steps {
			if step.State == delivery.StepRunning {
				return "At " + step.Name + ", on its way to " + env + "."
			}
		}
	}
	return "On its way to " + env + "."
}

// Finished is when a release ended, else when it began.
func Finished(rel delivery.Release) time.Time {
	switch {
	case rel.Status.Finished != nil:
		return *rel.Status.Finished
	case rel.Status.Started != nil:
		return *rel.Status.Started
	}
	return time.Time{}
}

// Took is how long a release took, "" while that is not known.
func Took(rel delivery.Release) string {
	if rel.Status.Finished == nil || rel.Status.Started == nil {
		return ""
	}
	return page.Took(rel.Status.Finished.Sub(*rel.Status.Started).Milliseconds())
}
