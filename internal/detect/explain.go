package detect

import (
	"fmt"
	"path"
	"strings"
)

// Line is one line of the explanation of a result: what was found and where.
type Line struct {
	Component   string `json:"component"`
	Text        string `json:"text"`
	Source      string `json:"source"`
	Verified    string `json:"verified,omitempty"`
	Refuted     string `json:"refuted,omitempty"`
	Unconfirmed bool   `json:"unconfirmed,omitempty"` // a guess until someone confirms it
}

// Explain tells in a few lines per component what it was taken for.
func (r Result) Explain() []Line {
	var lines []Line
	for _, c := range r.Components {
		lines = append(lines, c.Explain()...)
	}
	return lines
}

// briefest is how many characters of a value are shown in a line.
const briefest = 120

// Brief is the beginning of a value, such as a script: its first line, or of a
// long one what can be read in a line. It ends with … where there is more.
func Brief(value string) string {
	first, _, more := strings.Cut(strings.TrimSpace(value), "\n")
	if letters := []rune(first); len(letters) > briefest {
		first, more = string(letters[:briefest]), true
	}
	if more {
		return strings.TrimSpace(first) + " …"
	}
	return value
}

var languageNames = map[string]string{"go": "Go", "node": "Node", "python": "Python"}

var typeNames = map[string]string{TypeBackend: "service", TypeStatic: "site"}

// Explain tells in a few lines what the component was taken for.
func (c Component) Explain() []Line {
	var lines []Line
	add := func(text string, fields ...string) {
		if text == "" {
			return
		}
		l := Line{Component: c.Name, Text: text}
		for _, field := range fields {
			if s, ok := c.Setting(field); ok {
				l.Source, l.Verified, l.Refuted, l.Unconfirmed = s.Source, s.Verified, s.Refuted, s.Confidence < Unconfirmed
				break
			}
		}
		lines = append(lines, l)
	}
	kind := c.Type
	if name, ok := typeNames[kind]; ok {
		kind = name
	}
	words := []string{kind, fmt.Sprintf("%q", c.Name)}
	if name, ok := languageNames[c.Language]; ok {
		words = append(strings.Fields(name+" "+c.Version), words...)
	} else if c.Language != "" && c.Language != c.Type {
		words = append([]string{c.Language}, words...)
	}
	add(strings.Join(words, " "), "language", "type")
	if c.Framework != "" {
		add("framework "+c.Framework, "framework")
	}
	switch {
	case c.Output != "":
		add("serves "+path.Join(c.Dir, c.Output)+"/", "output")
	case len(c.Start.Argv) != 1 && !c.Start.IsZero():
		add("starts by "+Brief(c.Start.String()), "start")
	}
	if c.Prepare != nil {
		add("before a rollout "+Brief(c.Prepare.String()), "prepare")
	}
	for _, name := range sortedKeys(c.Processes) {
		add("beside it "+name+": "+Brief(c.Processes[name].String()), "process."+name)
	}
	if c.PortVariable != "" {
		add(c.listens(), "portVariable", "port")
	} else {
		add(c.listens(), "port")
	}
	if s, ok := c.Setting("health"); ok { // which a run may have told
		add("health GET "+s.Value, "health")
	}
	for _, name := range c.Secrets {
		if s, ok := c.Setting(SecretField(name)); ok && s.Verified == "" {
			add(name+" "+s.Value, s.Field)
		}
	}
	for _, s := range c.Settings {
		if variable, ok := strings.CutPrefix(s.Field, credentialField("")); ok {
			add(variable+" "+s.Value, s.Field)
		}
	}
	for _, r := range c.Resources {
		add(fmt.Sprintf("wants %s %q by %s", r.Type, r.Name, strings.Join(r.Variables, ", ")), resourceField(r))
	}
	if c.Owner != "" {
		whose := "owner team "
		if s, ok := c.Setting("owner"); ok && s.Confidence < Unconfirmed {
			whose = "owner perhaps the team of " // it is a person's name
		}
		add(whose+c.Owner, "owner")
	}
	return lines
}
