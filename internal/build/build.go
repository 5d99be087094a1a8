// Package build makes an artifact out of a source: it runs the steps of a
// plan on a private copy, in a clean environment, with the tools that the
// source asks for, and keeps the result under a digest of all that went in.
//
// Building runs the source's own code as the platform's operating-system user:
// the environment is clean and processes are bounded in time, but the file
// system is not fenced off.
//
// Process groups, file locks and the kinds of signals are those of Unix.
package build

import (
	"io"
	"time"
)

// Request is one build. The zero Timeout means DefaultTimeout and the empty
// Platform this machine's.
type Request struct {
	// Dir is the folder of the unpacked source; it is only ever read.
	Dir string
	// Source is the digest of the source, "sha256:…".
	Source string
	Plan   Plan
	// Platform is GOOS/GOARCH of the machine that will run the artifact.
	Platform string
	Timeout  time.Duration
}

// DefaultTimeout bounds a build that names no limit of its own.
const DefaultTimeout = 10 * time.Minute

// Artifact is the finished result of a build, complete on disk.
type Artifact struct {
	// Digest names all that went in, "sha256:…": source, plan, versions of
	// tools, platform. Equal digests are the same artifact.
	Digest string `json:"digest"`
	// Content is the digest of the files that came out.
	Content string `json:"content"`
	Kind    Kind   `json:"kind"`
	// Dir is the folder to run or serve from: the source's root as the build
	// left it, or the folder of static files itself.
	Dir string `json:"dir"`
	// Path is the binary relative to Dir; "." for the other kinds.
	Path     string `json:"path"`
	Source   string `json:"source"`
	Platform string `json:"platform"`
	// Tools are those the artifact was built with and, unless it is
	// self-contained, must be run with.
	Tools   []FoundTool   `json:"tools,omitempty"`
	BuiltAt time.Time     `json:"builtAt"`
	Took    time.Duration `json:"took"` // nanoseconds
	Size    int64         `json:"size"` // bytes
	// Log is the file of the build's output.
	Log string `json:"log"`
	// Cached says that nothing had to be built this time.
	Cached bool `json:"-"`
}

// FoundTool is a tool of this machine.
type FoundTool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Path    string `json:"path"` // absolute path of the program
}

// OpenLog opens the build's output for reading.
func (a Artifact) OpenLog() (io.ReadCloser, error) { return openLog(a.Log) }
