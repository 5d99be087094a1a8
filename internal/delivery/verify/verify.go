// Package verify holds what was detected of a source against what a run of it showed.
package verify

import (
	"fmt"
	"slices"

	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/runtime"
)

// Message says in a few words what the run showed.
func Message(o runtime.Observed) string {
	switch {
	case wellAt(o):
		return fmt.Sprintf("GET %s %d in %s", o.Health, o.HealthStatus, millis(o.HealthMillis))
	case o.Health != "":
		return fmt.Sprintf("answers HTTP, GET %s %d in %s", o.Health, o.HealthStatus, millis(o.HealthMillis))
	case o.Port != 0:
		return fmt.Sprintf("accepts connections on :%d", o.Port)
	}
	return "stays up"
}

// wellAt reports whether a path tells that it is well. One that answers all
// requests with a refusal shows by that only that it speaks HTTP.
func wellAt(o runtime.Observed) bool { return o.Health != "" && o.HealthStatus < 400 }

// Against holds what was detected against what a run showed: each setting is
// verified, refuted or, where the run says nothing of it, as it was. What the run
// alone tells is added, and takes the place of a path that was another one.
func Against(detected []detect.Setting, o runtime.Observed) []detect.Setting {
	detected = slices.Clone(detected)
	find := func(field string) *detect.Setting {
		if i := slices.IndexFunc(detected, func(s detect.Setting) bool { return s.Field == field }); i >= 0 {
			return &detected[i]
		}
		return nil
	}
	observed := func(field, value, verified string) detect.Setting {
		return detect.Setting{Field: field, Value: value, Source: "observed", Confidence: 1, Verified: verified}
	}
	bound := fmt.Sprintf("bound :%d", o.Port)
	port, variable, health := find("port"), find("portVariable"), find("health")
	switch {
	case o.Port == 0:
	case variable != nil && o.FixedPort:
		variable.Refuted = bound + " whatever it says"
	case variable != nil:
		variable.Verified = bound
	}
	switch {
	case o.Port == 0:
	case port == nil && variable == nil:
		detected = append(detected, observed("port", fmt.Sprint(o.Port), bound))
	case port == nil:
	case port.Value == fmt.Sprint(o.Port):
		port.Verified = bound
	case variable == nil || o.FixedPort:
		port.Refuted = bound
	}
	well := fmt.Sprintf("GET %s answered %d in %s", o.Health, o.HealthStatus, millis(o.HealthMillis))
	switch {
	case health == nil && wellAt(o):
		detected = append(detected, observed("health", o.Health, well))
	case health == nil:
	case wellAt(o) && health.Value == o.Health:
		health.Verified = well
	case wellAt(o):
		*health = observed("health", o.Health, well)
	case o.HintStatus != 0:
		health.Refuted = fmt.Sprintf("GET %s answered %d", health.Value, o.HintStatus)
	}
	return detected
}

// millis tells a time that was measured: nothing answers in none.
func millis(n int64) string {
	if n < 1 {
		return "<1 ms"
	}
	return fmt.Sprintf("%d ms", n)
}
