package event

import (
	"encoding/json"
	"unicode"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Lengths of attributes in bytes, and how many others an event may have.
const (
	maxAttribute  = 2048
	maxName       = 253
	maxExtensions = 50
)

// validate checks what every event from outside must keep.
func validate(ev Event, index int) error {
	for _, f := range []struct {
		name, value string
		required    bool
		max         int
	}{
		{"id", ev.ID, true, maxAttribute}, {"source", ev.Source, true, maxAttribute}, {"type", ev.Type, true, maxName},
		{"subject", ev.Subject, false, maxAttribute}, {"actor", ev.Actor, false, maxName}, {"team", ev.Team, false, maxName},
		{"service", ev.Service, false, maxName}, {"capability", ev.Capability, false, maxName}, {"environment", ev.Environment, false, maxName},
		{"datacontenttype", ev.DataContentType, false, maxName},
	} {
		if f.required && f.value == "" {
			return invalid(index, f.name, "is required")
		}
		if err := checkText(index, f.name, f.value, f.max); err != nil {
			return err
		}
	}
	if !ev.Time.IsZero() && (ev.Time.Year() < 1970 || ev.Time.Year() > 9999) {
		return invalid(index, "time", "must lie between the years 1970 and 9999")
	}
	if len(ev.Extensions) > maxExtensions {
		return invalid(index, "", "has %d extension attributes, at most %d are taken", len(ev.Extensions), maxExtensions)
	}
	for name, value := range ev.Extensions {
		if !attributeName(name) {
			return invalid(index, name, "is no attribute name: those have 1 to 64 lower-case letters and digits")
		}
		if err := checkText(index, name, value, maxAttribute); err != nil {
			return err
		}
	}
	if len(ev.Data) > MaxEventBytes {
		return problem.New(problem.TooLarge, "the data of %s has %d bytes, at most %d are taken", eventName(index), len(ev.Data), MaxEventBytes)
	}
	if len(ev.Data) > 0 && !json.Valid(ev.Data) {
		return invalid(index, "data", "is not valid JSON")
	}
	return nil
}

func checkText(index int, name, value string, limit int) error {
	if len(value) > limit {
		return invalid(index, name, "has %d bytes, at most %d are taken", len(value), limit)
	}
	for i, r := range value {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return invalid(index, name, "holds a control character or broken UTF-8 at byte %d", i)
		}
	}
	return nil
}

func attributeName(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return false
		}
	}
	return true
}
