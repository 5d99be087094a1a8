package build

import (
	"errors"
	"fmt"
	"path/filepath"
	"sort"
	"strings"
)

// Kind says what an artifact is, and so what is kept of a finished build.
type Kind string

const (
	// Binary is one executable file at Output.Path. The source's data files
	// (templates, assets, configuration) are kept beside it, because a program
	// may read them from its working folder; code and build products are not.
	Binary Kind = "binary"
	// Bundle is the whole folder as the build left it: the source with its
	// dependencies. Output.Path is "." and what is run is found inside.
	Bundle Kind = "bundle"
	// Static is the folder of files at Output.Path, to be served as they are.
	Static Kind = "static"
)

// Plan says how a source becomes an artifact. All of it is part of the cache
// key: the same plan over the same source is built once.
type Plan struct {
	// Language is the name that detection gives: "go", "node", "python", …
	// It chooses only the wording of hints and which files count as code.
	Language string `json:"language,omitempty"`
	// Steps run one after another; the first that fails ends the build.
	// None is a valid plan: the source is the artifact.
	Steps []Command `json:"steps,omitempty"`
	// Output says what is kept.
	Output Output `json:"output"`
	// Toolchain is what the source asks for, never what the machine has.
	Toolchain []Tool `json:"toolchain,omitempty"`
}

// Command is one step: either Argv, run as it is, or Shell, one line for
// `sh -c`. A program that is a path ("./mvnw") is looked for in the step's
// folder, a bare name on PATH.
type Command struct {
	Argv  []string `json:"argv,omitempty"`
	Shell string   `json:"shell,omitempty"`
	// Dir is the folder to run in, relative to the source's root; "" is the root.
	Dir string `json:"dir,omitempty"`
	// Env is set on top of the clean environment of the build.
	Env map[string]string `json:"env,omitempty"`
}

// String is the command as a person would type it.
func (c Command) String() string {
	if c.Shell != "" {
		return c.Shell
	}
	words := make([]string, len(c.Argv))
	for i, word := range c.Argv {
		words[i] = shellQuote(word)
	}
	return strings.Join(words, " ")
}

// title is the command on one line, for logs and errors.
func (c Command) title() string {
	first, more, _ := strings.Cut(c.String(), "\n")
	if more != "" || len(first) > 200 {
		return strings.ToValidUTF8(first[:min(len(first), 200)], "") + " …"
	}
	return first
}

// Output says which part of the finished build is the artifact.
type Output struct {
	Kind Kind `json:"kind"`
	// Path is relative to the source's root; see the kinds for its meaning.
	// The build runs in a copy of the root that keeps its layout.
	Path string `json:"path"`
}

// Tool is one tool that the source needs, with the versions that will do.
type Tool struct {
	Name string `json:"name"` // "go", "node", "python", "npm", "uv", …
	// Version is a requirement as the tool's own files write it: go.mod's
	// "1.26" (at least), npm's range ">=18 <21", PEP 440's ">=3.11,<4"; a bare
	// "20" or "3.12" means any of that line. "" and "*" mean any version.
	Version string `json:"version,omitempty"`
}

// Validate refuses a plan that cannot be run, or that names a place outside
// of the source.
func (p Plan) Validate() error {
	switch p.Output.Kind {
	case Binary, Static, Bundle:
	default:
		return fmt.Errorf("plan: output kind %q: want %s, %s or %s", p.Output.Kind, Binary, Bundle, Static)
	}
	if !filepath.IsLocal(p.Output.Path) {
		return fmt.Errorf("plan: output path %q is not inside the source", p.Output.Path)
	}
	if p.Output.Kind == Binary && filepath.Clean(p.Output.Path) == "." {
		return errors.New("plan: output of kind binary names a folder, want a file")
	}
	if p.Output.Kind == Bundle && filepath.Clean(p.Output.Path) != "." {
		return fmt.Errorf("plan: output path of a bundle is %q, want \".\"", p.Output.Path)
	}
	for i, step := range p.Steps {
		if err := step.validate(); err != nil {
			return fmt.Errorf("plan: step %d of %d: %w", i+1, len(p.Steps), err)
		}
	}
	for _, tool := range p.Toolchain {
		if tool.Name == "" || strings.ContainsAny(tool.Name, "/\\\x00") || strings.HasPrefix(tool.Name, "-") {
			return fmt.Errorf("plan: tool name %q is not the name of a program", tool.Name)
		}
	}
	return nil
}

func (c Command) validate() error {
	if (len(c.Argv) == 0) == (c.Shell == "") {
		return errors.New("want either argv or shell")
	}
	if len(c.Argv) > 0 && c.Argv[0] == "" {
		return errors.New("the program's name is empty")
	}
	if strings.ContainsRune(c.Shell+strings.Join(c.Argv, ""), 0) {
		return errors.New("the command holds a NUL byte")
	}
	if c.Dir != "" && !filepath.IsLocal(c.Dir) {
		return fmt.Errorf("folder %q is not inside the source", c.Dir)
	}
	for _, name := range sortedKeys(c.Env) {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(c.Env[name], 0) {
			return fmt.Errorf("environment variable %q is not valid", name)
		}
	}
	return nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// shellQuote writes a word such that a POSIX shell reads it back unchanged.
func shellQuote(word string) string {
	plain := word != "" && strings.IndexFunc(word, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:,@%+", r))
	}) < 0
	if plain {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
