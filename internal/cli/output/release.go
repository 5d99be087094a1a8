package output

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/object"
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

// answerOf is what the line itself has said already.
var answerOf = regexp.MustCompile(`^GET \S+ answered `)

// detectedRows are the workload's settings with their evidence, and the owner.
func detectedRows(rel client.Release, explained []detect.Line, server, confirm string) []Row {
	if rel.Spec.Workload == nil {
		return nil
	}
	var rows []Row
	guesses, cut := false, false
	for _, l := range explained {
		r := Row{Text: l.Text, Source: l.Source}
		switch {
		case l.Refuted != "":
			r.Verified = "refuted: " + answerOf.ReplaceAllString(l.Refuted, "")
		case l.Verified != "":
			r.Verified = "verified: " + answerOf.ReplaceAllString(l.Verified, "")
		case l.Unconfirmed:
			r.Verified, guesses = "unconfirmed", true
		}
		rows = append(rows, r)
		cut = cut || strings.HasSuffix(l.Text, "…")
	}
	for _, d := range rel.Status.Detected {
		if d.Source == "observed" && d.Field == "port" {
			rows = append(rows, Row{Text: "listens", Source: d.Source, Verified: "verified: " + d.Verified})
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
	if cut {
		rows = append(rows, Row{Label: "whole", Text: "stoa describe release " + rel.Metadata.Name + " -o json"})
	}
	if guesses && server != "" {
		rows = append(rows, Row{Label: "confirm", Text: server + "/services/" + rel.Spec.Service})
	}
	return rows
}

// TakeDetected takes out of a release what was detected. It stands there three times:
// as it was admitted, as it is built by, and as a run has shown it, which says all that
// the others say.
func TakeDetected(o *object.Object) ([]client.Setting, error) {
	if o.Kind != "Release" {
		return nil, nil
	}
	spec, admitted, err := take(o.Spec, "detected")
	if err != nil {
		return nil, err
	}
	if spec, _, err = take(spec, "workload", "settings"); err != nil {
		return nil, err
	}
	status, shown, err := take(o.Status, "detected")
	if err != nil {
		return nil, err
	}
	if len(shown) == 0 { // it has not run
		shown = admitted
	}
	var settings []client.Setting
	if len(shown) > 0 {
		if err := json.Unmarshal(shown, &settings); err != nil {
			return nil, fmt.Errorf("decode answer: %w", err)
		}
	}
	o.Spec, o.Status = spec, status
	return settings, nil
}

// take gives a JSON object without the field at the path, and the field; nil if there
// is none.
func take(raw json.RawMessage, path ...string) (rest, taken json.RawMessage, err error) {
	if len(raw) == 0 {
		return raw, nil, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, nil, fmt.Errorf("decode answer: %w", err)
	}
	inner, there := fields[path[0]]
	switch {
	case !there:
		return raw, nil, nil
	case len(path) == 1:
		taken = inner
		delete(fields, path[0])
	default:
		if fields[path[0]], taken, err = take(inner, path[1:]...); err != nil {
			return nil, nil, err
		}
	}
	rest, err = json.Marshal(fields)
	return rest, taken, err
}

// Settings are the columns and rows of what was detected: each setting once, with
// what a run showed of it. A long value is told by its beginning.
func Settings(settings []client.Setting) (head []string, rows [][]string) {
	for _, s := range settings {
		seen := s.Verified
		switch {
		case s.Refuted != "":
			seen = "refuted: " + s.Refuted
		case seen == "" && s.Confidence < detect.Unconfirmed:
			seen = "unconfirmed"
		}
		if len(s.Value) > longest {
			s.Value = detect.Brief(s.Value)
		}
		rows = append(rows, []string{s.Field, s.Value, s.Source, seen})
	}
	return []string{"FIELD", "VALUE", "SOURCE", "VERIFIED"}, rows
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

// OnTheWay tells of releases that have not ended, a line of each.
func OnTheWay(w io.Writer, all []client.OnTheWay) {
	for _, rel := range all {
		fmt.Fprintf(w, "  %s is on its way: %s", rel.Release, rel.Step)
		if rel.Since != nil {
			fmt.Fprintf(w, " for %s", Ago(*rel.Since, time.Now()))
		}
		if rel.Message != "" {
			fmt.Fprintf(w, ", %s", rel.Message)
		}
		fmt.Fprintln(w)
	}
}

// HowFar tells how far a change of what runs has come.
func HowFar(at client.EnvironmentStatus) string {
	if at.Replicas == 0 {
		left := slices.DeleteFunc(slices.Clone(at.Instances), func(i client.Instance) bool { return i.State == client.InstanceStopped })
		return Count(len(left), "instance") + " left"
	}
	// While instances are replaced both the old ones and the new ones may be healthy.
	return fmt.Sprintf("%d of %d healthy", min(at.Healthy, at.Replicas), at.Replicas)
}

// Cancelled is what `stoa cancel` prints of a release.
type Cancelled struct {
	Release     string       `json:"release"`
	Environment string       `json:"environment"`
	Phase       client.Phase `json:"phase"`
	Serving     string       `json:"serving,omitempty"` // the release that goes on, if one does
}

// Does says what becomes of a release, "" of one that ended otherwise.
func (one Cancelled) Does() string {
	switch {
	case one.Phase == client.PhaseCancelled:
		return "is cancelled"
	case !one.Phase.Final():
		return "is being cancelled"
	}
	return ""
}
