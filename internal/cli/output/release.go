package output

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/detect"
)

// Release tells what is known of a release: explained says what its workload was
// taken for, server is where guesses can be confirmed, "" is nowhere.
func Release(rel client.Release, explained []detect.Line, server, confirm string) []Row {
	var rows []Row
	if rel.Spec.Cause == client.CauseDeploy {
		rows = append(rows, detectedRows(rel, explained, server, confirm)...)
	} else {
		rows = append(rows, Row{Label: cmp.Or(rel.Spec.Cause, "release"), Text: rel.Metadata.Name + " in " + rel.Spec.Environment, Source: "artifact of " + rel.Spec.From})
	}
	rows = append(rows, Gates(rel.Status.Gates)...)
	for _, step := range rel.Status.Steps {
		if step.State != client.StepDone {
			continue
		}
		switch step.Name {
		case client.StepBuild:
			rows = append(rows, Row{Label: "built", Text: Seconds(step.Millis), Source: step.Message})
		case client.StepRoute:
			rows = append(rows, runningRows(rel)...)
		}
	}
	return rows
}

// detectedRows are the workload's settings with their evidence, and the owner.
func detectedRows(rel client.Release, explained []detect.Line, server, confirm string) []Row {
	if rel.Spec.Workload == nil {
		return nil
	}
	var rows []Row
	guesses := false
	for _, l := range explained {
		r := Row{Text: l.Text, Source: l.Source}
		switch {
		case l.Verified != "":
			r.Verified = "verified: " + strings.TrimPrefix(l.Verified, "GET "+rel.Spec.Workload.Health+" answered ")
		case l.Unconfirmed:
			r.Verified, guesses = "unconfirmed", true
		}
		rows = append(rows, r)
	}
	for _, d := range rel.Status.Detected {
		switch {
		case d.Source == "observed" && d.Field == "port":
			rows = append(rows, Row{Text: "listens", Source: d.Source, Verified: "verified: " + d.Verified})
		case d.Source == "observed" && d.Field == "health":
			rows = append(rows, Row{Text: "answers", Source: d.Source, Verified: "verified: " + d.Verified})
		}
	}
	rows = append(rows, ownerRow(rel, confirm))
	rows[0].Label = "detected"
	if n := len(rel.Spec.Answers); n > 0 {
		rows = append(rows, Row{Label: "asked", Text: Count(int64(n), "question"), Source: "answered by you"})
	}
	for _, name := range rel.Spec.Workload.Secrets {
		if !isSet(rel, name) {
			rows = append(rows, Row{Label: "secret", Text: "stoa secret set " + rel.Spec.Service + " " + name + " --env " + rel.Spec.Environment})
		}
	}
	if guesses && server != "" {
		rows = append(rows, Row{Label: "confirm", Text: server + "/services/" + rel.Spec.Service})
	}
	return rows
}

// isSet reports whether the run had a variable that detection had left out.
func isSet(rel client.Release, name string) bool {
	return slices.ContainsFunc(rel.Status.Detected, func(d client.Setting) bool {
		return d.Field == detect.SecretField(name) && d.Verified != ""
	})
}

func ownerRow(rel client.Release, confirm string) Row {
	r := Row{Text: "owner team " + rel.Metadata.Owner}
	for _, d := range rel.Spec.Detected {
		if d.Field == "owner" && d.Value == rel.Metadata.Owner {
			r.Source = d.Source
			if d.Confidence < 1 {
				r.Verified = "unconfirmed: " + confirm + " confirms it"
			}
		}
	}
	return r
}

// runningRows tell where the release answers.
func runningRows(rel client.Release) []Row {
	r := Row{Label: "running", Text: cmp.Or(rel.Status.URL, rel.Metadata.Name)}
	rows := []Row{r}
	if o := rel.Status.Observed; o != nil {
		rows[0].Source = "healthy after " + Seconds(o.StartMillis)
		for _, n := range o.Notes {
			rows = append(rows, Row{Label: "note", Text: n})
		}
	}
	included := "logs · traffic metrics · history"
	if rel.Status.URL == "" { // nothing goes to it
		included = "logs · history"
	}
	return append(rows, Row{Label: "included", Text: included})
}

// Gates tells what the gates have said: in one line, and then what was not
// simply allowed.
func Gates(verdicts []client.Verdict) []Row {
	rows := []Row{{Label: "gates", Text: gatesLine(verdicts)}}
	for _, v := range verdicts {
		switch {
		case v.Exception != "":
			rows = append(rows, Row{Text: "passed by exception " + v.Exception + ": " + v.Message, Source: v.Gate})
		case v.Outcome == client.Warn:
			rows = append(rows, Row{Text: "warning: " + v.Message, Source: v.Gate})
		}
	}
	return rows
}

// gatesLine says in one line what the gates have counted and checked.
func gatesLine(verdicts []client.Verdict) string {
	if len(verdicts) == 0 {
		return "none is set"
	}
	var parts []string
	policies := 0
	for _, v := range verdicts {
		switch {
		case v.Used == nil || v.Limit == nil || v.Requested == nil:
			policies++
		case v.Unit == "bytes":
			parts = append(parts, catalog.FormatBytes(int64(*v.Used+*v.Requested))+" of "+catalog.FormatBytes(int64(*v.Limit))+" memory")
		default:
			parts = append(parts, fmt.Sprintf("%.0f of %.0f %s", *v.Used+*v.Requested, *v.Limit, v.Unit))
		}
	}
	if len(parts) > 0 {
		parts[0] = "quota " + parts[0]
	}
	switch {
	case policies == 1:
		parts = append(parts, "1 policy")
	case policies > 1:
		parts = append(parts, fmt.Sprintf("%d policies", policies))
	}
	return strings.Join(slices.Clip(parts), " · ")
}
