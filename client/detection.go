package client

import (
	"context"
	"io"
	"net/http"
	"time"
)

// Origin is what is known of the Git checkout that a source comes from. Every
// field is optional.
type Origin struct {
	Commit     string    `json:"commit,omitempty"`
	Branch     string    `json:"branch,omitempty"`
	Remote     string    `json:"remote,omitempty"` // without credentials
	Subject    string    `json:"subject,omitempty"`
	Author     string    `json:"author,omitempty"`
	CommitTime time.Time `json:"commitTime,omitzero"`
	// Dirty is true if the folder differs from the commit.
	Dirty bool `json:"dirty,omitempty"`
	// Path is the folder within the repository, "" for its root.
	Path string `json:"path,omitempty"`
	// Codeowners holds the owners of the path by the repository's CODEOWNERS,
	// CodeownersSource the line that says so, such as "CODEOWNERS:3".
	Codeowners       []string `json:"codeowners,omitempty"`
	CodeownersSource string   `json:"codeownersSource,omitempty"`
	// TopAuthors counts the commits of the last 90 days that touch the path,
	// most first.
	TopAuthors []AuthorCount `json:"topAuthors,omitempty"`
	// Recent are the last commits of the checkout, newest first, at most 100.
	Recent []Commit `json:"recent,omitempty"`
}

// Commit is a commit of a checkout.
type Commit struct {
	Commit  string    `json:"commit"`
	Time    time.Time `json:"time"`
	Parents []string  `json:"parents,omitempty"`
	// Elsewhere is true of merges, and of commits that do not touch the path or
	// are older than 90 days.
	Elsewhere bool `json:"elsewhere,omitempty"`
}

// AuthorCount is how many commits somebody made.
type AuthorCount struct {
	Name    string `json:"name"`
	Commits int    `json:"commits"`
}

// Detection is what a source turned out to be.
type Detection struct {
	// Components, at most one per folder, those nearest to the root first. One
	// that waits for the answer to a question has no Type and cannot be built.
	Components []Component `json:"components"`
	// Questions that only a person can answer, at most one per component.
	Questions []DetectionQuestion `json:"questions,omitempty"`
	// Unsupported lists folders whose language was recognised but cannot be run yet.
	Unsupported []Unsupported `json:"unsupported,omitempty"`
	// Notes says what bounds the answer, such as a folder too large to read whole.
	Notes []string `json:"notes,omitempty"`
}

// DetectionQuestion is a setting that is truly ambiguous.
type DetectionQuestion struct {
	ID        string   `json:"id"`        // stable, such as "target:services/shop"; names it in ReleaseSpec.Answers
	Component string   `json:"component"` // name of the component that waits for the answer
	Field     string   `json:"field"`
	Text      string   `json:"text"`
	Options   []string `json:"options"`       // the answers that are possible
	Why       []string `json:"why,omitempty"` // what was tried before asking
}

// Unsupported is a folder whose language is recognised but not run yet.
type Unsupported struct {
	Dir      string   `json:"dir"`
	Language string   `json:"language"`
	Source   string   `json:"source"` // the file that tells
	Next     []string `json:"next"`   // what can be done instead
}

// TypeLibrary is the type of a component that has nothing to run.
const TypeLibrary = "library"

// Component is one part of a source that can be deployed by itself. All folders
// are slash-separated; Dir and Root are relative to the source, all else to Root
// where not said otherwise.
type Component struct {
	Name string `json:"name"` // DNS label
	Dir  string `json:"dir"`  // the component's own folder, "." for the root
	Root string `json:"root"` // Dir, or the root of the workspace that it belongs to
	Type string `json:"type"` // backend, frontend, worker, job, static or library

	Language  string `json:"language,omitempty"` // go, node, python, static
	Version   string `json:"version,omitempty"`  // wanted version or range, as the language writes it
	Framework string `json:"framework,omitempty"`
	Manager   string `json:"manager,omitempty"` // package manager

	// Build holds the steps in order. They run in a private copy of Root.
	Build []BuildStep `json:"build,omitempty"`
	// Artifact says what is kept of the build.
	Artifact Artifact `json:"artifact"`
	// Start runs the component. A static one has none: its Output is served.
	Start Command `json:"start,omitzero"`
	// Prepare runs once before a rollout; nil if nothing does.
	Prepare *Command `json:"prepare,omitempty"`
	// Processes run beside Start, without traffic, by name.
	Processes map[string]Command `json:"processes,omitempty"`
	// Path lists folders of the artifact that go first on PATH.
	Path []string `json:"path,omitempty"`
	// Output is the folder to serve, relative to Dir, of a static artifact.
	Output string `json:"output,omitempty"`
	// Fallback is true if unknown paths are answered with index.html.
	Fallback bool `json:"fallback,omitempty"`

	// Port is what the component listens on when PortVariable is not set or
	// empty; 0 is unknown.
	Port int `json:"port,omitempty"`
	// PortVariable is the environment variable that it takes the port from; ""
	// means that Port is fixed.
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
	// Owner suggests the name of the owning team or, where its setting has a
	// confidence below 0.5, of a person whose team it may be; may be empty. Whether
	// there is such a team was not asked.
	Owner string `json:"owner,omitempty"`

	// Settings holds the evidence, one entry per fact above, in a stable order.
	Settings []Setting `json:"settings"`
}

// Setting is one detected fact with its evidence.
type Setting struct {
	Field  string `json:"field"`
	Value  string `json:"value"`
	Source string `json:"source"` // "go.mod:3", "Procfile:1", "convention of vite"
	// Confidence in 0..1; what is below 0.5 is a guess until someone confirms it.
	Confidence float64 `json:"confidence"`
	// Verified says what a run observed, such as "bound :41873"; empty until then.
	Verified string `json:"verified,omitempty"`
	// Refuted says what a run observed to the contrary, such as "GET /healthz
	// answered 404". Then Verified is empty.
	Refuted string `json:"refuted,omitempty"`
}

// Command is one program to run. Exactly one of Argv and Shell is set.
type Command struct {
	Argv  []string `json:"argv,omitempty"`  // run without a shell, with $NAME replaced
	Shell string   `json:"shell,omitempty"` // a line for sh -c
	// Dir is the working folder relative to Root; "" is Root itself.
	Dir string `json:"dir,omitempty"`
	// Env is set on top of the component's environment.
	Env map[string]string `json:"env,omitempty"`
}

// IsZero reports whether nothing is to be run; JSON leaves such a Start out.
func (c Command) IsZero() bool { return len(c.Argv) == 0 && c.Shell == "" }

// BuildStep is one command of a build.
type BuildStep struct {
	Name string `json:"name"` // what it is for, such as "install dependencies"
	Command
}

// Artifact is what a build leaves behind.
type Artifact struct {
	Kind string `json:"kind,omitempty"` // binary, bundle or static; "" for a library
	// Path is relative to Root; empty for a binary.
	Path string `json:"path,omitempty"`
	// Files lists files and folders, relative to Dir, that go with a binary.
	Files []string `json:"files,omitempty"`
}

// Resource is something that a component wants beside itself. Name is unique
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

// Upload sends the snapshot of a source unless the platform has it already;
// write writes its archive and is called at most once.
func (c *Client) Upload(ctx context.Context, digest string, write func(io.Writer) error) error {
	path := "/api/v1/sources/" + digest
	err := c.do(ctx, http.MethodHead, path, nil, nil, nil)
	if !Is(err, NotFound) && !Is(err, Forbidden) { // what answers HEAD has no body: PUT says why it is refused
		return err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(write(w)) }()
	defer r.Close()
	return c.send(ctx, http.MethodPut, path, nil, "application/x-tar+zstd", r, nil)
}

// Detect tells what an uploaded source is.
func (c *Client) Detect(ctx context.Context, digest, name string, origin *Origin) (Detection, error) {
	var result Detection
	in := map[string]any{"name": name}
	if origin != nil {
		in["origin"] = origin
	}
	err := c.do(ctx, http.MethodPost, "/api/v1/sources/"+digest+"/detect", nil, in, &result)
	return result, err
}
