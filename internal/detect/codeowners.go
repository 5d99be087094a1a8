package detect

import (
	"regexp"
	"slices"
	"strings"
)

// codeownersFiles are the places of CODEOWNERS in the order in which the Git
// hosts look.
var codeownersFiles = []string{".github/CODEOWNERS", "CODEOWNERS", ".gitlab/CODEOWNERS", "docs/CODEOWNERS"}

// maxRules bounds the rules of one CODEOWNERS file.
const maxRules = 10_000

// CodeownersPlaces are where a repository may have its CODEOWNERS, in the order
// in which the Git hosts look.
func CodeownersPlaces() []string { return slices.Clone(codeownersFiles) }

// Codeowners is a parsed CODEOWNERS file.
type Codeowners struct{ rules []codeownersRule }

type codeownersRule struct {
	match   *regexp.Regexp
	owners  []string
	section string // in lower case; "" before the first
	source  string
}

var sectionLine = regexp.MustCompile(`^\^?\[([^\]]+)\](?:\[\d+\])?\s*(.*)$`)

// ParseCodeowners reads patterns, sections and their default owners; file is
// what its lines are told by. As on the Git hosts, a line that cannot be read is
// as if absent.
func ParseCodeowners(file string, data []byte) Codeowners {
	var rules []codeownersRule
	section, defaults := "", []string(nil)
	number := 0
	for line := range strings.SplitSeq(string(data), "\n") {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || len(line) > 2000 || len(rules) >= maxRules {
			continue
		}
		if m := sectionLine.FindStringSubmatch(line); m != nil {
			section, defaults = strings.ToLower(m[1]), ownersOf(strings.Fields(m[2]))
			continue
		}
		words := splitPattern(line)
		match, err := ownerPattern(words[0])
		if err != nil {
			continue
		}
		owners := ownersOf(words[1:])
		if len(owners) == 0 {
			owners = defaults
		}
		rules = append(rules, codeownersRule{match, owners, section, at(file, number)})
	}
	return Codeowners{rules}
}

// splitPattern splits a line at its spaces; one after a backslash belongs to
// the pattern.
func splitPattern(line string) []string {
	const space = "\x00"
	words := strings.Fields(strings.ReplaceAll(line, `\ `, space))
	words[0] = strings.ReplaceAll(strings.ReplaceAll(words[0], space, " "), `\#`, "#")
	return words
}

// ownersOf keeps the words up to a comment.
func ownersOf(words []string) []string {
	if i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "#") }); i >= 0 {
		words = words[:i]
	}
	return slices.DeleteFunc(slices.Clone(words), func(w string) bool { return !strings.Contains(w, "@") })
}

// of returns the owners of what lies in a folder and the line that says so:
// the last matching pattern wins; of several sections, the first that names
// somebody.
func (c Codeowners) of(dir string) ([]string, string) {
	// Any file of the folder, of no kind that a pattern could mean.
	name := "any"
	if dir != "." && dir != "" {
		name = dir + "/any"
	}
	var order []string
	last := map[string]codeownersRule{}
	for _, r := range c.rules {
		if r.match.MatchString(name) {
			if _, ok := last[r.section]; !ok {
				order = append(order, r.section)
			}
			last[r.section] = r
		}
	}
	for _, section := range order {
		if r := last[section]; len(r.owners) > 0 {
			return r.owners, r.source
		}
	}
	return nil, ""
}

// Team suggests the team that owns what lies in a folder, "." for all, and the
// line that says so; "" when nobody does.
func (c Codeowners) Team(dir string) (team, source string) {
	owners, source := c.of(dir)
	if team, _ = teamOf(owners); team == "" {
		return "", ""
	}
	return team, source
}

// ownerPattern compiles a pattern of CODEOWNERS, which reads as one of
// .gitignore does: one with a slash inside is anchored at the root, and a
// folder stands for everything in it.
func ownerPattern(pattern string) (*regexp.Regexp, error) {
	anchored := strings.Contains(strings.TrimSuffix(pattern, "/"), "/")
	expr := globExpression(strings.Trim(pattern, "/"))
	if !anchored {
		expr = "(?:.*/)?" + expr
	}
	switch {
	case strings.HasSuffix(pattern, "/"):
		expr += "/.*"
	case strings.HasSuffix(pattern, "/*"): // the files of the folder, not those below
	default:
		expr += "(?:/.*)?"
	}
	return regexp.Compile("^" + expr + "$")
}

// globExpression turns a glob with ** into a regular expression, whose matching
// takes linear time whatever the glob.
func globExpression(glob string) string {
	var b strings.Builder
	for i := 0; i < len(glob); i++ {
		switch {
		case strings.HasPrefix(glob[i:], "**/"):
			b.WriteString("(?:.*/)?")
			i += 2
		case strings.HasPrefix(glob[i:], "**"):
			b.WriteString(".*")
			i++
		case glob[i] == '*':
			b.WriteString("[^/]*")
		case glob[i] == '?':
			b.WriteString("[^/]")
		default:
			b.WriteString(regexp.QuoteMeta(glob[i : i+1]))
		}
	}
	return b.String()
}
