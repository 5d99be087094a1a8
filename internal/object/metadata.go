package object

import (
	"fmt"
	"maps"
	"slices"

	"github.com/stoa-platform/stoa/internal/problem"
)

// checkMetadata checks what every kind shares.
func checkMetadata(k Kind, m Metadata) []problem.Field {
	var fields []problem.Field
	say := func(message string, path ...string) {
		fields = append(fields, problem.Field{Path: joinPath(append([]string{"metadata"}, path...)), Message: message})
	}
	if !ValidName(m.Name) {
		say(nameAdvice(m.Name), "name")
	}
	switch {
	case m.Owner == "" && k.Owned:
		say("is missing: every "+k.Name+" has an owning team", "owner")
	case m.Owner != "" && !ValidName(m.Owner):
		say(nameAdvice(m.Owner), "owner")
	}
	for _, key := range slices.Sorted(maps.Keys(m.Labels)) {
		if advice := labelKeyAdvice(key); advice != "" {
			say(advice, "labels", key)
		}
		if advice := labelValueAdvice(m.Labels[key]); advice != "" {
			say(advice, "labels", key)
		}
	}
	size := 0
	for key, value := range m.Annotations {
		if key == "" {
			say("a key must not be empty", "annotations")
		}
		size += len(key) + len(value)
	}
	if size > MaxAnnotations {
		say(fmt.Sprintf("have %d bytes in all, the limit is %d", size, MaxAnnotations), "annotations")
	}
	for i, f := range m.Finalizers {
		if advice := labelKeyAdvice(f); advice != "" {
			say(advice, "finalizers", fmt.Sprint(i))
		}
	}
	if m.Version < 0 {
		say(fmt.Sprintf("is %d, must be 0 or the stored version", m.Version), "version")
	}
	return fields
}
