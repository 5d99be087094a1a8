package build

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"time"
)

// Options configure a Builder. Dir is required; the rest has defaults.
type Options struct {
	// Dir holds artifacts and work in progress.
	Dir string
	// CacheDir holds the download caches of package managers, shared by all
	// builds; it may be deleted at any time. Default: Dir/downloads.
	CacheDir string
	// PassEnv names further variables that builds may see, besides the
	// allow-list, such as "SSH_AUTH_SOCK" for private Git modules.
	PassEnv []string
	Log     *slog.Logger     // default: discards
	Now     func() time.Time // default: time.Now
}

// Builder builds artifacts and keeps them. It is safe for concurrent use.
type Builder struct {
	opts Options
}

// NewBuilder opens the folder and sweeps what builds that were killed left.
func NewBuilder(opts Options) (*Builder, error) { return &Builder{opts: opts}, nil }

// Build returns the artifact of the request, built now or taken from the
// cache, and streams the build's output to logw. Equal requests at the same
// time are built once.
func (b *Builder) Build(ctx context.Context, req Request, logw io.Writer) (Artifact, error) {
	return Artifact{}, errors.New("build: not written yet")
}

// Get returns a finished artifact by its digest.
func (b *Builder) Get(digest string) (Artifact, error) {
	return Artifact{}, errors.New("build: not written yet")
}

// Prune deletes artifacts that were not used for longest until those left take
// at most maxBytes, and never one that is in use. It returns the bytes freed.
func (b *Builder) Prune(ctx context.Context, inUse func(digest string) bool, maxBytes int64) (int64, error) {
	return 0, errors.New("build: not written yet")
}

func openLog(path string) (io.ReadCloser, error) { return os.Open(path) }
