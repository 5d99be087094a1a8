// Package secret keeps the values that services need and nobody may read:
// passwords, keys, tokens.
//
// A Secret object names its keys and stands in the catalog like any other; the
// values lie in a table of their own, each encrypted under a data key of its
// own, which is encrypted under the platform's key-encryption key. They are
// given to workloads as environment variables and are never in an object, its
// history, an event, a log or an answer.
package secret

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// SecretSpec is what may be known of a secret: the names of its keys.
type SecretSpec struct {
	// Service and Environment say whose environment it is part of.
	Service     string `json:"service,omitempty"`
	Environment string `json:"environment,omitempty"`
	// Keys are the names of the environment variables that it gives, sorted.
	// Setting and deleting values changes them.
	Keys []string `json:"keys,omitempty" jsonschema:"description=names of the environment variables that it gives; set them with stoa secret set"`
}

// Kind names the kind.
func (SecretSpec) Kind() string { return "Secret" }

// SecretStatus says when each value was last set.
type SecretStatus struct {
	Keys map[string]KeyStatus `json:"keys,omitempty"`
}

// KeyStatus is what may be known of a value.
type KeyStatus struct {
	Version int64     `json:"version"` // grows by one each time the value is set
	Updated time.Time `json:"updated"`
}

// Names are the keys, sorted: what SecretSpec.Keys shall be.
func (s SecretStatus) Names() []string {
	names := make([]string, 0, len(s.Keys))
	for name := range s.Keys {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Secret is a secret of a team, without its values.
type Secret = object.Typed[SecretSpec, SecretStatus]

// Kind is the kind that this package owns.
func Kind() object.Kind {
	return object.Kind{
		Name: "Secret", Plural: "secrets", About: "Values that services get in their environment and nobody can read.",
		Spec: SecretSpec{}, Owned: true, Scope: object.ScopeTeam,
		Fields: []string{"spec.service", "spec.environment"}, Validate: validate,
	}
}

func validate(o object.Object) []object.Issue {
	var spec SecretSpec
	if err := json.Unmarshal(o.Spec, &spec); err != nil {
		return nil // the schema has said it
	}
	var issues []object.Issue
	for i, key := range spec.Keys {
		path := fmt.Sprintf("spec.keys[%d]", i)
		if message := wrongKey(key); message != "" {
			issues = append(issues, object.Issue{Path: path, Message: message})
		}
		if slices.Contains(spec.Keys[:i], key) {
			issues = append(issues, object.Issue{Path: path, Message: key + " is listed twice"})
		}
	}
	return issues
}

// Limits of a secret.
const (
	MaxValue  = 64 << 10  // bytes of one value
	MaxSecret = 256 << 10 // bytes of all values of one secret: they share a process's environment
	MaxKeys   = 200
)

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

// wrongKey says what is wrong with the name of a value, "" if nothing.
func wrongKey(key string) string {
	switch {
	case !variable.MatchString(key):
		return fmt.Sprintf("%.40q cannot name an environment variable: letters, digits and _, no digit first, at most 128", key)
	case key == "PORT" || strings.HasPrefix(key, "STOA_"):
		return key + " is set by Stoa"
	}
	return ""
}

// checkValues says what is wrong with values that are to be set. It never tells a value.
func checkValues(values map[string][]byte) error {
	var fields []problem.Field
	for key, value := range values {
		message := wrongKey(key)
		switch {
		case message != "":
		case len(value) == 0:
			message = "the value is empty; to remove it: stoa secret unset"
		case len(value) > MaxValue:
			message = fmt.Sprintf("the value has %d bytes, at most %d", len(value), MaxValue)
		case slices.Contains(value, 0):
			message = "the value holds a NUL byte, which an environment cannot; encode it, for example as base64"
		}
		if message != "" {
			fields = append(fields, problem.Field{Path: key, Message: message})
		}
	}
	if len(values) == 0 {
		return problem.New(problem.Invalid, "no value was given").Do("stoa secret set NAME KEY   asks for it")
	}
	if len(fields) > 0 {
		slices.SortFunc(fields, func(a, b problem.Field) int { return strings.Compare(a.Path, b.Path) })
		return problem.New(problem.Invalid, "the values cannot be set").WithFields(fields...)
	}
	return nil
}
