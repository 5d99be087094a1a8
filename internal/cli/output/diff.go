package output

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/cli/terminal"
)

// Diff shows what differs between two versions of an object, as a unified diff
// of their YAML: a hunk for each place, what was and what is.
func Diff(ref, before, after string, changes []Change, p terminal.Paint) string {
	var b strings.Builder
	b.WriteString(p.Bold("--- "+ref+"  "+before) + "\n" + p.Bold("+++ "+ref+"  "+after) + "\n")
	place := "-"
	for _, ch := range changes {
		parent, field := lastField(ch.Path)
		if parent != place {
			place = parent
			b.WriteString(p.With("36", "@@ "+parent+" @@") + "\n")
		}
		for _, side := range []struct {
			sign  string
			value json.RawMessage
			style func(string) string
		}{{"-", ch.Old, p.Bad}, {"+", ch.New, p.Good}} {
			for _, line := range yamlLines(field, side.value) {
				b.WriteString(side.style(side.sign+line) + "\n")
			}
		}
	}
	return b.String()
}

// lastField cuts the last field off a path; one with dots stands in brackets.
func lastField(path string) (parent, field string) {
	if i := strings.LastIndex(path, `["`); i >= 0 && strings.HasSuffix(path, `"]`) {
		if name, err := strconv.Unquote(path[i+1 : len(path)-1]); err == nil {
			return path[:i], terminal.OneLine(name)
		}
	}
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return "", path
}

// yamlLines writes a field with its value; nothing for a field that is not there.
func yamlLines(field string, value json.RawMessage) []string {
	if len(value) == 0 || string(value) == "null" { // an object holds no null
		return nil
	}
	text, err := YAML(value)
	if err != nil {
		text = string(value)
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i := range lines {
		lines[i] = terminal.OneLine(lines[i])
	}
	if len(lines) == 1 && value[0] != '{' && value[0] != '[' {
		return []string{field + ": " + lines[0]}
	}
	out := []string{field + ":"}
	for _, line := range lines {
		out = append(out, "  "+line)
	}
	return out
}
