package source

import (
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// IgnoreFile is Stoa's own ignore file: the syntax of .gitignore, read after
// the .gitignore beside it, so that it can also bring files back ("!dist/").
const IgnoreFile = ".stoaignore"

// defaultRules name what is never the source itself: history of version
// control, installed dependencies, caches of tools. They are the weakest
// rules: an ignore file can bring any of it back, except for .git.
const defaultRules = `
.git
.hg/
.svn/
.jj/
node_modules/
bower_components/
.venv/
__pycache__/
*.pyc
.pytest_cache/
.mypy_cache/
.ruff_cache/
.tox/
.nox/
.gradle/
.terraform/
.next/
.nuxt/
.svelte-kit/
.turbo/
.parcel-cache/
.direnv/
.DS_Store
Thumbs.db
`

// rule is one line of an ignore file.
type rule struct {
	base    string // folder of the ignore file, relative to the root; "" is the root
	above   string // instead: path of the root seen from an ignore file above it
	pattern string // as doublestar reads it
	kind    patternKind
	negate  bool // brings back what an earlier rule ignored
	dirOnly bool
	byName  bool // matches the last element at any depth, else the whole path
}

type patternKind uint8

const (
	literal patternKind = iota // equal
	suffix                     // "*" and a literal
	glob
)

// parseRules reads an ignore file as Git does. base and above say where it
// stands; see rule.
func parseRules(data []byte, base, above string) []rule {
	var rules []rule
	text := strings.TrimPrefix(string(data), "\ufeff")
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if r, ok := parseRule(line); ok {
			r.base, r.above = base, above
			rules = append(rules, r)
		}
	}
	return rules
}

func parseRule(line string) (rule, bool) {
	if strings.HasPrefix(line, "#") || strings.ContainsRune(line, 0) {
		return rule{}, false
	}
	for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
		line = line[:len(line)-1]
	}
	var r rule
	line, r.negate = strings.CutPrefix(line, "!")
	line, r.dirOnly = strings.CutSuffix(line, "/")
	if line == "" {
		return rule{}, false
	}
	r.byName = !strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")

	const meta = `*?[\`
	switch {
	case !strings.ContainsAny(line, meta):
		r.kind, r.pattern = literal, line
	case r.byName && line[0] == '*' && !strings.ContainsAny(line[1:], meta):
		r.kind, r.pattern = suffix, line[1:]
	default:
		r.kind, r.pattern = glob, translate(line)
		if !doublestar.ValidatePattern(r.pattern) {
			return rule{}, false // as in Git, what cannot be read matches nothing
		}
	}
	return r, true
}

var posixClasses = strings.NewReplacer(
	"[:alpha:]", "a-zA-Z", "[:digit:]", "0-9", "[:alnum:]", "a-zA-Z0-9",
	"[:lower:]", "a-z", "[:upper:]", "A-Z", "[:xdigit:]", "0-9a-fA-F", "[:space:]", ` \t`)

// translate turns a pattern of Git's into one of doublestar's: braces are
// plain characters in Git, and "x/**" matches only what is inside of x.
func translate(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '\\':
			b.WriteByte(c)
			if i++; i < len(pattern) {
				b.WriteByte(pattern[i])
			}
		case '{', '}':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '*':
			if !strings.HasPrefix(pattern[i:], "***") { // three are as two
				b.WriteByte(c)
			}
		default:
			b.WriteByte(c)
		}
	}
	out := posixClasses.Replace(b.String())
	if strings.HasSuffix(out, "/**") {
		out += "/*"
	}
	return out
}

// matches reports whether the rule's pattern fits the path itself, whose last
// element is given apart; parents are the walk's business, which never descends
// into an ignored folder.
func (r rule) matches(name, last string, isDir bool) bool {
	if r.dirOnly && !isDir {
		return false
	}
	switch {
	case r.byName:
		name = last
	case r.above != "":
		name = r.above + "/" + name
	case r.base != "":
		name = name[len(r.base)+1:]
	}
	switch r.kind {
	case literal:
		return name == r.pattern
	case suffix:
		return strings.HasSuffix(name, r.pattern)
	}
	return doublestar.MatchUnvalidated(r.pattern, name)
}

// ignored applies the rules, weakest first: the last that matches decides.
func ignored(rules []rule, name string, isDir bool) (ignore, decided bool) {
	last := path.Base(name)
	for i := len(rules) - 1; i >= 0; i-- {
		if rules[i].matches(name, last, isDir) {
			return !rules[i].negate, true
		}
	}
	return false, false
}

// rulesAbove reads the .gitignore files between the root of the Git working
// tree that dir stands in, if any, and dir itself, which is left out.
func rulesAbove(dir string) []rule {
	top := dir
	for !exists(filepath.Join(top, ".git")) {
		parent := filepath.Dir(top)
		if parent == top {
			return nil
		}
		top = parent
	}
	var rules []rule
	for folder := dir; folder != top; {
		folder = filepath.Dir(folder)
		if data, err := os.ReadFile(filepath.Join(folder, ".gitignore")); err == nil {
			above, _ := filepath.Rel(folder, dir)
			rules = append(parseRules(data, "", filepath.ToSlash(above)), rules...)
		}
	}
	return rules
}

// isToolOutput recognises folders of tools by what they hold, where the name
// alone could be an honest one: virtual environments of Python, caches that
// carry the standard tag, build folders of Rust, Maven and sbt.
func isToolOutput(dir, name string) bool {
	folder := filepath.Join(dir, name)
	if exists(filepath.Join(folder, "pyvenv.cfg")) || exists(filepath.Join(folder, "CACHEDIR.TAG")) {
		return true
	}
	return name == "target" && (exists(filepath.Join(dir, "Cargo.toml")) ||
		exists(filepath.Join(dir, "pom.xml")) || exists(filepath.Join(dir, "build.sbt")))
}

func exists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}
