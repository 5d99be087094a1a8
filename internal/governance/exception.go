package governance

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Exceptions lifts verdicts for which an Exception is in force.
type Exceptions struct{}

// maxException is how far ahead an exception may end.
const maxException = 366 * 24 * time.Hour

// ExceptionRule bounds an exception's sunset, since one without an end is a rule
// that nobody dared to change, and holds it to a gate and a team that exist. What
// was so when it was declared is not asked again: its gate may go before it does.
func ExceptionRule() admission.Rule {
	return admission.Rule{Kind: "Exception", Admit: func(ctx context.Context, r object.Reader, c *admission.Change, d *admission.Draft) error {
		var before, after Exception
		if d.Delete || !decode(d.Want, &after) || d.Old != nil && !decode(*d.Old, &before) {
			return nil
		}
		var wrong []problem.Field
		say := func(path, message string) {
			if message != "" {
				wrong = append(wrong, problem.Field{Path: path, Message: message})
			}
		}
		if after.Spec.Gate != before.Spec.Gate {
			message, err := noGate(ctx, r, c, after.Spec.Gate)
			if err != nil {
				return err
			}
			say("spec.gate", message)
		}
		if name, isTeam := strings.CutPrefix(after.Spec.Target, "team/"); isTeam && after.Spec.Target != before.Spec.Target {
			there, err := c.Exists(ctx, r, object.Ref{Kind: "Team", Name: name})
			if err != nil {
				return err
			}
			if !there {
				say("spec.target", "there is no "+after.Spec.Target)
			}
		}
		if !after.Spec.Sunset.Equal(before.Spec.Sunset) {
			say("spec.sunset", wrongSunset(after.Spec.Sunset, c.Now))
		}
		if len(wrong) == 0 {
			return nil
		}
		return problem.New(problem.Invalid, "exception %s cannot be declared so; nothing was changed", d.Want.Metadata.Name).
			WithFields(wrong...).ExplainedAt("/docs/exceptions")
	}}
}

// wrongSunset says what is wrong with a sunset, "" if nothing is.
func wrongSunset(sunset, now time.Time) string {
	switch ahead := sunset.Sub(now); {
	case ahead <= 0:
		return "must lie ahead; it is " + now.UTC().Format(time.RFC3339)
	case ahead > maxException:
		return "must lie within a year, by " + now.Add(maxException).UTC().Format(time.DateOnly)
	}
	return ""
}

// gates are the kinds that an exception can be from, by the word before the
// name. A team that has one from a capability may do without it.
var gates = map[string]string{"quota": "Quota", "policy": "Policy", "capability": "Capability"}

// toldGates bounds how many gates of a kind a message lists.
const toldGates = 20

// noGate says that there is no such gate, and which ones there are; "" if it is there.
func noGate(ctx context.Context, r object.Reader, c *admission.Change, gate string) (string, error) {
	word, name, ok := strings.Cut(gate, "/")
	if !ok {
		return "", nil // the schema says how one is written
	}
	words := slices.Sorted(maps.Keys(gates))
	if kind, known := gates[word]; known {
		there, err := c.Exists(ctx, r, object.Ref{Kind: kind, Name: name})
		if there || err != nil {
			return "", err
		}
		words = []string{word}
	}
	var all []string
	for _, word := range words {
		page, err := r.List(ctx, object.Query{Kind: gates[word], Limit: toldGates})
		if err != nil {
			return "", err
		}
		for _, doc := range page.Items {
			all = append(all, word+"/"+doc.Name)
		}
	}
	if len(all) == 0 {
		return fmt.Sprintf("there is no %s, nor any %s", gate, strings.Join(words, ", ")), nil
	}
	return fmt.Sprintf("there is no %s; there are %s", gate, strings.Join(all, ", ")), nil
}

// Targets is the gate that warns of an exception for a service that is not there.
// That may be meant, since the first release of a service is refused like any
// other; it may be a slip of the pen as well.
type Targets struct{}

// Check warns of each exception whose service neither exists nor is made by the change.
func (Targets) Check(ctx context.Context, r object.Reader, c *admission.Change) ([]problem.Verdict, error) {
	var verdicts []problem.Verdict
	for _, d := range c.Drafts {
		var e Exception
		if d.Kind.Name != "Exception" || d.Delete || !decode(d.Want, &e) {
			continue
		}
		name, isService := strings.CutPrefix(e.Spec.Target, "service/")
		if !isService {
			continue
		}
		there, err := c.Exists(ctx, r, object.Ref{Kind: "Service", Name: name})
		if err != nil {
			return nil, err
		}
		if !there {
			verdicts = append(verdicts, problem.Verdict{
				Gate: "exception/" + e.Metadata.Name, Outcome: problem.Warn, Docs: "/docs/exceptions",
				Message: fmt.Sprintf("exception %s is for service %s, which does not exist; it holds once there is one", e.Metadata.Name, name),
			})
		}
	}
	return verdicts, nil
}

// Lift returns the exception whose gate is the verdict's, whose target is the
// service or its team, and whose sunset lies ahead.
func (Exceptions) Lift(ctx context.Context, r object.Reader, c *admission.Change, v problem.Verdict) (string, error) {
	found, err := object.All[Exception](ctx, r, object.Query{Fields: map[string]string{"spec.gate": v.Gate}})
	if err != nil {
		return "", err
	}
	for _, e := range found {
		if e.Metadata.Deleted != nil || !c.Now.Before(e.Spec.Sunset) {
			continue
		}
		if targets(c, e.Spec.Target) {
			return e.Metadata.Name, nil
		}
	}
	return "", nil
}

// targets reports whether every service that the change touches is the target
// or is owned by it: an exception for one service lifts nothing off another
// that travels in the same change.
func targets(c *admission.Change, target string) bool {
	kind, name, _ := strings.Cut(target, "/")
	any := false
	for _, d := range c.Drafts {
		if d.Kind.Name != "Service" || d.Delete {
			continue
		}
		any = true
		switch kind {
		case "service":
			if d.Want.Metadata.Name != name {
				return false
			}
		case "team":
			if d.Want.Metadata.Owner != name {
				return false
			}
		default:
			return false
		}
	}
	return any
}
