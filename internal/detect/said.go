package detect

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Overrides are the settings that a person says instead of detection. Each is
// written as Setting.Value shows it: what is shown, said again, changes nothing,
// but that a port said without its variable holds whatever that says.
type Overrides struct {
	// Port is the one port that it listens on, whatever it is told.
	Port string `json:"port,omitempty" jsonschema:"minLength=1"`
	// PortVariable is the environment variable that it takes its port from.
	PortVariable string `json:"portVariable,omitempty" jsonschema:"minLength=1"`
	// Health is the path that answers 2xx or 3xx when it is healthy.
	Health string `json:"health,omitempty" jsonschema:"minLength=1"`
	// Start is the line of shell that starts it, in which $PORT is its port and
	// $STOA_OUT the program that was compiled.
	Start string `json:"start,omitempty" jsonschema:"minLength=1"`
	// Output is the folder to serve, relative to that of the component.
	Output string `json:"output,omitempty" jsonschema:"minLength=1"`
}

// Overridable lists the fields of settings that can be overridden.
var Overridable = []string{"port", "portVariable", "health", "start", "output"}

// Field is where an override is kept by the field of its setting, nil of one
// that cannot be overridden.
func (o *Overrides) Field(name string) *string {
	switch name {
	case "port":
		return &o.Port
	case "portVariable":
		return &o.PortVariable
	case "health":
		return &o.Health
	case "start":
		return &o.Start
	case "output":
		return &o.Output
	}
	return nil
}

// Of is what is said of a field, "" of one that nothing is said of.
func (o Overrides) Of(field string) string {
	if said := o.Field(field); said != nil {
		return *said
	}
	return ""
}

var (
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	pathOfURL    = regexp.MustCompile(`^/[!-~]*$`)
)

// Wrong tells which of them cannot be, by the field's name.
func (o Overrides) Wrong() []problem.Field {
	var wrong []problem.Field
	for _, field := range Overridable {
		value, must := o.Of(field), ""
		if value == "" {
			continue
		}
		switch field {
		case "port":
			if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != value {
				must = "must be a number of 1 to 65535, such as 8080; the variable that tells a port goes into portVariable"
			}
		case "portVariable":
			if !variableName.MatchString(value) {
				must = "must be the name of an environment variable: letters, digits and _, not beginning with a digit"
			}
		case "health":
			if !pathOfURL.MatchString(value) {
				must = "must begin with / and have no spaces, such as /healthz"
			}
		case "start":
			if strings.TrimSpace(value) == "" || strings.ContainsRune(value, 0) {
				must = "must say what starts it, such as ./serve --port $PORT"
			}
		case "output":
			if clean := path.Clean(value); strings.ContainsRune(value, 0) || path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") {
				must = "must be a folder inside that of the component"
			}
		}
		if field == "output" && must == "" && o.Start != "" {
			must = "cannot be beside start: a folder that is served starts nothing"
		}
		if must != "" {
			wrong = append(wrong, problem.Field{Path: field, Message: must})
		}
	}
	return wrong
}

// Override replaces detected settings by what a person says.
func (c *Component) Override(o Overrides) {
	c.Settings = slices.Clone(c.Settings)
	for _, field := range Overridable {
		value := o.Of(field)
		if value == "" {
			continue
		}
		// A port is shown beside its variable as what holds without it; said, it holds.
		shown, known := c.Setting(field)
		if !known || shown.Value != value || field == "port" && c.PortVariable != "" && o.PortVariable == "" {
			c.say(field, value)
		}
		said := Setting{Field: field, Value: value, Source: "override", Confidence: stated}
		if i := slices.IndexFunc(c.Settings, func(s Setting) bool { return s.Field == field }); i >= 0 {
			c.Settings[i] = said
		} else {
			c.Settings = append(c.Settings, said)
		}
	}
}

func (c *Component) say(field, value string) {
	dir := relative(c.Dir, c.Root)
	switch field {
	case "port":
		c.Port, _ = strconv.Atoi(value)
		c.PortVariable = ""
		c.forget("portVariable")
	case "portVariable":
		c.PortVariable = value
	case "health":
		c.Health = value
	case "start":
		// The environment stays: it is what the port is handed over by.
		c.Start = Command{Shell: value, Env: c.Start.Env}
		if c.Artifact.Kind == ArtifactStatic {
			c.Artifact, c.Output, c.Fallback = Artifact{Kind: ArtifactBundle, Path: "."}, "", false
			c.forget("output")
		}
		if c.Artifact.Kind == ArtifactBundle && dir != "." {
			c.Start.Dir = dir
		}
	case "output":
		c.Artifact = Artifact{Kind: ArtifactStatic, Path: path.Join(dir, value)}
		c.Output, c.Start = value, Command{}
		c.forget("start")
	}
}

func (c *Component) forget(field string) {
	c.Settings = slices.DeleteFunc(c.Settings, func(s Setting) bool { return s.Field == field })
}
