package detect

import (
	"os"
	"strings"
)

// Confidences of the scale in the package comment.
const (
	stated     = 1.0
	readInCode = 0.9
	convention = 0.7
	likely     = 0.5
	guess      = 0.3
)

// Unconfirmed is the confidence below which a setting is a guess: it reads
// "unconfirmed" and nothing may page or bill by it until someone confirms it.
const Unconfirmed = 0.5

// Types of component.
const (
	TypeBackend  = "backend"  // listens for requests
	TypeFrontend = "frontend" // what a browser shows: static files, or a server that renders pages
	TypeWorker   = "worker"   // runs on, listens to nobody
	TypeJob      = "job"      // runs and ends
	TypeStatic   = "static"   // files served as they are
	TypeLibrary  = "library"  // nothing to run
)

// Kinds of artifact.
const (
	ArtifactBinary = "binary" // one self-contained executable
	ArtifactBundle = "bundle" // the whole built folder with its dependencies inside
	ArtifactStatic = "static" // a folder of files to serve
)

// OutVariable names the file of a binary artifact: the build runs with it set
// to the path where the binary is to be written, the start command with it set
// to the path where it then lies.
const OutVariable = "STOA_OUT"

// Result is what a folder turned out to hold.
type Result struct {
	// Components, at most one per folder, those nearest to the root first. One
	// that waits for the answer to a question has no Type and cannot be built.
	Components []Component `json:"components"`
	// Questions that only a person can answer, at most one per component.
	Questions []Question `json:"questions,omitempty"`
	// Unsupported lists folders whose language was recognised but cannot be run yet.
	Unsupported []Unsupported `json:"unsupported,omitempty"`
	// Notes says what bounds the answer, such as a folder too large to read whole.
	Notes []string `json:"notes,omitempty"`
}

// Question is a setting that is truly ambiguous. Options.Answers answers it by
// its ID with one of the options.
type Question struct {
	ID        string   `json:"id"`        // stable, such as "target:services/shop"
	Component string   `json:"component"` // name of the component that waits for the answer
	Field     string   `json:"field"`
	Text      string   `json:"text"`
	Options   []string `json:"options"`
	Why       []string `json:"why,omitempty"` // what was tried before asking
}

// Unsupported is a folder whose language is recognised but not run yet.
type Unsupported struct {
	Dir      string   `json:"dir"`
	Language string   `json:"language"`
	Source   string   `json:"source"` // the file that tells
	Next     []string `json:"next"`   // what can be done instead
}

// Component is one part that can be deployed by itself: what a build and a
// runtime need to know. All folders are slash-separated; Dir and Root are
// relative to the folder given to Detect, all else to Root where not said otherwise.
type Component struct {
	Name string `json:"name"` // DNS label
	Dir  string `json:"dir"`  // the component's own folder, "." for the root
	// Root is the folder that a build has to copy: Dir, or the root of the
	// workspace (go.work, npm, pnpm, yarn) that the component belongs to.
	Root string `json:"root"`
	Type string `json:"type"`

	Language  string `json:"language,omitempty"` // go, node, python, static
	Version   string `json:"version,omitempty"`  // wanted version or range, as the language writes it
	Framework string `json:"framework,omitempty"`
	Manager   string `json:"manager,omitempty"` // package manager

	// Build holds the steps in order. They run in a private copy of Root.
	Build []Step `json:"build,omitempty"`
	// Artifact says what is kept of the build.
	Artifact Artifact `json:"artifact"`
	// Start runs the component. A static one has none: its Output is served.
	Start Command `json:"start,omitzero"`
	// Prepare runs once before a rollout (Procfile: release).
	Prepare *Command `json:"prepare,omitempty"`
	// Processes holds the further entries of a Procfile, run beside Start without traffic.
	Processes map[string]Command `json:"processes,omitempty"`
	// Path lists folders of the artifact that go first on PATH.
	Path []string `json:"path,omitempty"`
	// Output is the folder to serve, relative to Dir, of a static artifact.
	Output string `json:"output,omitempty"`
	// Fallback is true if unknown paths are answered with index.html (a single-page application).
	Fallback bool `json:"fallback,omitempty"`

	// Port is what the component listens on when PortVariable is not set or
	// empty; 0 is unknown.
	Port int `json:"port,omitempty"`
	// PortVariable is the environment variable that the component, or its start
	// command, takes the port from; "" means that Port is fixed.
	PortVariable string `json:"portVariable,omitempty"`
	// Health is the path that answers 2xx or 3xx when healthy; "" means that
	// accepting a connection is all that is known.
	Health string `json:"health,omitempty"`

	Env map[string]string `json:"env,omitempty"`
	// Secrets names the variables to be kept as secrets of the service: the source has
	// their values as plain text, which were left out of Env, or in a command, where
	// each is to be named instead.
	Secrets   []string   `json:"secrets,omitempty"`
	Resources []Resource `json:"resources,omitempty"`
	Toolchain []Tool     `json:"toolchain,omitempty"`
	// Owner suggests the name of the owning team or, where its setting is below
	// Unconfirmed, of a person whose team it may be. No platform was asked whether
	// there is such a team.
	Owner string `json:"owner,omitempty"`

	// Settings holds the evidence, one entry per fact above, in a stable order.
	Settings []Setting `json:"settings"`
}

// Setting is one detected fact with its evidence.
type Setting struct {
	Field  string `json:"field"`
	Value  string `json:"value"`
	Source string `json:"source"` // "go.mod:3", "Procfile:1", "convention of vite"
	// Confidence in 0..1; see the package comment for the scale.
	Confidence float64 `json:"confidence"`
	// Verified says what a run observed, such as "bound :41873"; empty until then.
	Verified string `json:"verified,omitempty"`
	// Refuted says what a run observed to the contrary, such as "GET /healthz
	// answered 404". Then Verified is empty.
	Refuted string `json:"refuted,omitempty"`
}

// Command is one program to run. Exactly one of Argv and Shell is set.
type Command struct {
	// Argv is run as it is, without a shell, after Expand.
	Argv []string `json:"argv,omitempty"`
	// Shell is a line for `sh -c`, as a Procfile or a package script states it.
	Shell string `json:"shell,omitempty"`
	// Dir is the working folder relative to Root; "" is Root itself. A relative
	// program in Argv[0] is relative to it, too. Of a binary artifact it is "":
	// the start command runs in the folder that holds Artifact.Files.
	Dir string `json:"dir,omitempty"`
	// Env is set on top of the component's environment; its values are expanded
	// as Argv is.
	Env map[string]string `json:"env,omitempty"`
}

// Step is one command of a build.
type Step struct {
	Name string `json:"name"` // what it is for, such as "install dependencies"
	Command
}

// Artifact is what a build leaves behind.
type Artifact struct {
	Kind string `json:"kind,omitempty"` // binary, bundle, static; "" for a library
	// Path is relative to Root: "." of a bundle, the folder to serve of a
	// static artifact; empty for a binary, which is written to $STOA_OUT.
	Path string `json:"path,omitempty"`
	// Files lists files and folders, relative to Dir, that the code of a binary
	// opens by relative path; they go with it, under the same relative paths
	// into the folder that it is started in.
	Files []string `json:"files,omitempty"`
}

// Resource is something that the component wants beside itself. Name is unique
// among those of the same Type.
type Resource struct {
	Name string `json:"name"`
	Type string `json:"type"` // postgres, mysql, redis, mongodb, rabbitmq, kafka, nats, s3, …
	// Variables are the environment variables that tell the program of it: one takes
	// its address, or several a part each. Without any nobody knows.
	Variables []string `json:"variables,omitempty"`
	Source    string   `json:"source"`
}

// Tool is a program that the build needs on the machine that builds.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"` // wanted version or range, as the tool writes it; "" is any
	Why     string `json:"why"`
}

// IsZero reports whether nothing is to be run.
func (c Command) IsZero() bool { return len(c.Argv) == 0 && c.Shell == "" }

// Expand returns the argument vector to execute, with $NAME, ${NAME} and
// ${NAME:-default} replaced by what lookup returns; $$ stands for a dollar
// sign. The line of a Shell command is left to the shell to expand.
func (c Command) Expand(lookup func(name string) string) []string {
	if c.Shell != "" {
		return []string{"sh", "-c", c.Shell}
	}
	argv := make([]string, len(c.Argv))
	for i, arg := range c.Argv {
		argv[i] = Expand(arg, lookup)
	}
	return argv
}

// Expand replaces $NAME, ${NAME} and ${NAME:-default} in a text by what lookup
// returns; $$ stands for a dollar sign. It serves the values of Command.Env.
func Expand(text string, lookup func(name string) string) string {
	return os.Expand(text, func(name string) string {
		if name == "$" {
			return "$"
		}
		name, fallback, _ := strings.Cut(name, ":-")
		if value := lookup(name); value != "" {
			return value
		}
		return fallback
	})
}

// String shows the command as a line of shell that means the same.
func (c Command) String() string {
	if c.Shell != "" {
		return c.Shell
	}
	words := make([]string, len(c.Argv))
	for i, arg := range c.Argv {
		words[i] = shellWord(arg)
	}
	return strings.Join(words, " ")
}

var withinQuotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", "$$", `\$`)

// shellWord writes a word of Argv so that a shell makes the same of it.
func shellWord(arg string) string {
	text := withinQuotes.Replace(arg)
	if arg == "" || strings.ContainsAny(arg, " \t\n'\"\\`;&|<>()*?[]#~") || strings.Contains(arg, "$"+OutVariable) {
		return `"` + text + `"` // the path of a program may hold spaces
	}
	return text
}

// Setting returns the evidence of a field.
func (c Component) Setting(field string) (Setting, bool) {
	for _, s := range c.Settings {
		if s.Field == field {
			return s, true
		}
	}
	return Setting{}, false
}

// Error is a folder that cannot be detected, told so that a person can act.
type Error struct {
	Source string   // file and line, if one is at fault: "package.json:3"
	Title  string   // what is wrong, in one sentence
	Why    []string // what was seen or looked for
	Next   []string // what to do
	Err    error    // cause, if there is one
}

func (e *Error) Error() string {
	if e.Source != "" {
		return e.Source + ": " + e.Title
	}
	return e.Title
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
