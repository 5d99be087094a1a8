package object

import (
	"regexp"
	"strconv"
	"strings"
)

// joinPath writes a path as a person reads it: spec.ports[0].name,
// metadata.labels["app.kubernetes.io/name"].
func joinPath(parts []string) string {
	var b strings.Builder
	for _, part := range parts {
		switch {
		case part != "" && isDigits(part):
			b.WriteString("[" + part + "]")
		case plainKey.MatchString(part):
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(part)
		default:
			b.WriteString("[" + strconv.Quote(part) + "]")
		}
	}
	return b.String()
}

// splitPath is the reverse of joinPath; it also takes spec.ports.0.name. What
// it cannot read it gives as one part.
func splitPath(path string) []string {
	var parts []string
	for rest := path; rest != ""; {
		switch {
		case strings.HasPrefix(rest, `["`):
			quoted, err := strconv.QuotedPrefix(rest[1:])
			if err != nil {
				return append(parts, rest)
			}
			key, err := strconv.Unquote(quoted)
			if err != nil {
				return append(parts, rest)
			}
			parts = append(parts, key)
			rest = strings.TrimPrefix(rest[1+len(quoted):], "]")
		case rest[0] == '[':
			index, after, _ := strings.Cut(rest[1:], "]")
			parts, rest = append(parts, index), after
		default:
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			if end > 0 {
				parts = append(parts, rest[:end])
			}
			rest = rest[end:]
		}
		rest = strings.TrimPrefix(rest, ".")
	}
	return parts
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

var plainKey = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$-]*$`)
