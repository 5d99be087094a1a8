package build

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/guardian"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/tree"
)

// Options configure a Builder. Dir is required; the rest has defaults.
type Options struct {
	// Dir holds artifacts and work in progress. Artifacts that hold absolute
	// paths are built again after it was moved.
	Dir string
	// CacheDir holds the download caches of package managers, shared by all
	// builds; it may be deleted while nothing is built. Default: Dir/downloads.
	CacheDir string
	// PassEnv names further variables that builds may see, besides the
	// allow-list, such as "SSH_AUTH_SOCK" for private Git modules.
	PassEnv []string
	Log     *slog.Logger     // default: discards
	Now     func() time.Time // default: time.Now
}

// Builder builds artifacts and keeps them. It is safe for concurrent use, and
// several processes may share the folder.
//
// The process group of a command that builds ends when this process does, also
// by SIGKILL. What left the group, such as a daemon, is ended by the next
// builder of the folder, on Linux.
type Builder struct {
	opts     Options
	tools    *toolchain
	guardian *guardian.Guardian
}

// NewBuilder opens the folder and sweeps what builds that were killed left:
// their files and, on Linux, their processes. Close must follow.
func NewBuilder(opts Options) (*Builder, error) {
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("open builder: %w", err)
	}
	opts.Dir = dir
	opts.CacheDir = cmp.Or(opts.CacheDir, filepath.Join(dir, "downloads"))
	if opts.CacheDir, err = filepath.Abs(opts.CacheDir); err != nil {
		return nil, fmt.Errorf("open builder: %w", err)
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	for _, sub := range []string{"artifacts", "work", "locks", "tools"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("open builder: %w", err)
		}
	}
	// Links are followed once, here, to tell places inside of a build by name.
	if opts.Dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, fmt.Errorf("open builder: %w", err)
	}
	dir = opts.Dir
	home, _ := os.UserHomeDir() // none: version managers are not looked for
	b := &Builder{opts: opts,
		tools:    &toolchain{prober: newProber(filepath.Join(dir, "tools", "probes.json")), dir: filepath.Join(dir, "tools"), home: home},
		guardian: guardian.New(opts.Log, "commands that build")}
	if err := b.sweep(); err != nil {
		return nil, fmt.Errorf("open builder: %w", err)
	}
	return b, nil
}

// Close ends the commands that still run. Nothing is built after it.
func (b *Builder) Close() { b.guardian.Close() }

// Build returns the artifact of the request, built now or taken from the
// cache, and streams what the build's commands print to logw, in lines. Equal
// requests at the same time are built once; the others wait and get the log
// when it is done.
//
// A build that was tried and failed is an *Error; a tool that the machine
// lacks is a problem.Problem (Failed); the end of ctx is its cause.
func (b *Builder) Build(ctx context.Context, req Request, logw io.Writer) (Artifact, error) {
	if err := req.complete(); err != nil {
		return Artifact{}, err
	}
	tools, err := b.tools.resolve(ctx, req.Plan.Toolchain, searchPath(os.Getenv("PATH")), func(line string) { fmt.Fprintln(logw, line) })
	if err != nil {
		return Artifact{}, err
	}
	key, err := req.key(tools)
	if err != nil {
		return Artifact{}, err
	}
	if artifact, ok := b.load(key); ok {
		artifact.Cached = true
		return artifact, nil
	}
	held, err := waitLock(ctx, b.lockFile(key))
	if err != nil {
		return Artifact{}, fmt.Errorf("wait for the same build: %w", err)
	}
	defer held.release()
	if artifact, ok := b.load(key); ok {
		replay(artifact.Log, logw)
		artifact.Cached = true
		return artifact, nil
	}
	m := &making{b: b, req: req, key: key, tools: tools, app: filepath.Join(b.artifactDir(key), appDir), work: b.workDir(key)}
	return m.make(ctx, logw)
}

// Get returns a finished artifact by its digest. One that is not there is a
// problem.Problem (NotFound).
func (b *Builder) Get(digest string) (Artifact, error) {
	if isDigest(digest) {
		if artifact, ok := b.load(digest); ok {
			artifact.Cached = true
			return artifact, nil
		}
	}
	return Artifact{}, problem.New(problem.NotFound, "artifact %.80s is not kept here", digest).Do("build it again from its source")
}

func isDigest(s string) bool {
	digits, ok := strings.CutPrefix(s, "sha256:")
	return ok && len(digits) == 2*sha256.Size && strings.Trim(digits, "0123456789abcdef") == ""
}

// complete fills in defaults and refuses what cannot be built.
func (r *Request) complete() error {
	if err := r.Plan.Validate(); err != nil {
		return problem.New(problem.Invalid, "%w", err)
	}
	if !isDigest(r.Source) {
		return fmt.Errorf("build: source digest %.80q is not sha256: and 64 digits", r.Source)
	}
	if info, err := os.Stat(r.Dir); err != nil || !info.IsDir() {
		return fmt.Errorf("build: no folder of the source at %q", r.Dir)
	}
	r.Platform = cmp.Or(r.Platform, thisPlatform())
	r.Timeout = cmp.Or(r.Timeout, DefaultTimeout)
	goos, goarch, ok := strings.Cut(r.Platform, "/")
	if !ok || goos == "" || goarch == "" {
		return problem.New(problem.Invalid, "platform %q: want GOOS/GOARCH, such as linux/arm64", r.Platform)
	}
	if r.Platform != thisPlatform() && r.Plan.Language != "go" && len(r.Plan.Steps) > 0 {
		return problem.New(problem.Invalid, "a source in %s cannot be built for %s on %s: only Go can be built for another platform",
			cmp.Or(r.Plan.Language, "this language"), r.Platform, thisPlatform()).
			Do("build it on a machine of platform " + r.Platform)
	}
	return nil
}

// key digests all that decides what comes out.
func (r *Request) key(tools []tool) (string, error) {
	versions := map[string]string{}
	for _, t := range tools {
		versions[t.Name] = t.Version
	}
	data, err := json.Marshal(struct {
		Format   int
		Source   string
		Plan     Plan
		Tools    map[string]string
		Platform string
		GoFlags  string
	}{1, r.Source, r.Plan, versions, r.Platform, os.Getenv("GOFLAGS")})
	if err != nil {
		return "", fmt.Errorf("build: %w", err)
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// sweep removes what has no record and is not being built.
func (b *Builder) sweep() error {
	var keys []string
	for _, sub := range []string{"artifacts", "work"} {
		entries, err := os.ReadDir(filepath.Join(b.opts.Dir, sub))
		if err != nil {
			return err
		}
		for _, entry := range entries {
			key := "sha256:" + entry.Name()
			if _, err := os.Stat(filepath.Join(b.artifactDir(key), recordFile)); err != nil || sub == "work" {
				keys = append(keys, key)
			}
		}
	}
	for _, key := range keys {
		held, err := tryLock(b.lockFile(key))
		if errors.Is(err, errBusy) {
			continue
		}
		if err != nil {
			return err
		}
		err = b.discard(key)
		held.release()
		if err != nil {
			return err
		}
		b.opts.Log.Info("swept a build that was interrupted", "artifact", key)
	}
	return b.tools.sweep(b.opts.Now())
}

// discard ends what is left of a build and deletes it, unless it finished.
func (b *Builder) discard(key string) error {
	killMarked(b.workDir(key))
	err := tree.Remove(b.workDir(key))
	if _, finished := os.Stat(filepath.Join(b.artifactDir(key), recordFile)); finished != nil {
		err = errors.Join(err, tree.Remove(b.artifactDir(key)))
	}
	return err
}
