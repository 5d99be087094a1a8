package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stoa-platform/stoa/internal/tree"
)

// An artifact lies in <dir>/artifacts/<hex>/. Its record is written last: a
// folder without one is a build that did not end. Builds run in the very place
// where the artifact stays, because what they make holds absolute paths
// (scripts of Python environments, rpaths, links of package managers).
const (
	appDir     = "app"           // what was built
	logFile    = "build.log"     // what the build printed
	recordFile = "artifact.json" // the artifact; its time is that of the last use
)

// codeSuffixes are left out of binary artifacts: nothing reads code at run time.
var codeSuffixes = []string{".go", ".rs", ".c", ".cc", ".cpp", ".h", ".hpp", ".java", ".kt", ".scala", ".cs", ".swift", ".zig"}

// reduce leaves in app only what the plan's output names, and returns where
// the artifact's path is in it.
func reduce(source, app string, out Output) (string, error) {
	at := filepath.Join(app, filepath.FromSlash(out.Path))
	switch out.Kind {
	case Bundle:
		return ".", nil
	case Static:
		if at == app {
			return ".", nil
		}
		if info, err := os.Stat(at); err != nil || !info.IsDir() {
			return "", notMade(out, "folder")
		}
		if real, err := filepath.EvalSymlinks(at); err != nil || !within(app, real) {
			return "", notMade(out, "folder inside the source")
		}
		rest := app + ".rest"
		if err := errors.Join(os.Rename(app, rest), os.Rename(filepath.Join(rest, filepath.FromSlash(out.Path)), app)); err != nil {
			return "", err
		}
		return ".", tree.Remove(rest)
	}
	if info, err := os.Lstat(at); err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return "", notMade(out, "executable file")
	}
	return filepath.ToSlash(filepath.Clean(out.Path)), keepBinary(source, app, at)
}

// keepBinary deletes from app what is neither the binary nor a data file of
// the source.
func keepBinary(source, app, binary string) error {
	var folders []string
	err := filepath.WalkDir(app, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == app || path == binary {
			return err
		}
		name, err := filepath.Rel(app, path)
		if err != nil {
			return err
		}
		_, inSource := os.Lstat(filepath.Join(source, name))
		switch {
		case entry.IsDir() && inSource != nil && !within(path, binary), entry.IsDir() && entry.Name() == "vendor" && !within(path, binary):
			if err := tree.Remove(path); err != nil {
				return err
			}
			return filepath.SkipDir
		case entry.IsDir():
			folders = append(folders, path)
			return nil
		case inSource != nil || slices.Contains(codeSuffixes, filepath.Ext(path)):
			return os.Remove(path)
		}
		return nil
	})
	slices.Reverse(folders)
	for _, folder := range folders {
		_ = os.Remove(folder) // only empty ones can be
	}
	return err
}

func within(dir, path string) bool { return strings.HasPrefix(path, dir+string(filepath.Separator)) }

func notMade(out Output, what string) error {
	return &Error{
		Cause: "output-missing", Summary: fmt.Sprintf("all steps passed, but there is no %s %q afterwards", what, out.Path),
		Next: []string{"check where the build writes its result"},
	}
}

// digestTree names the content of a folder: paths, executable bits, links and
// bytes. It returns the bytes of all files too.
func digestTree(ctx context.Context, dir string) (digest string, size int64, err error) {
	type item struct {
		path, name, kind string
		sum              string
		size             int64
	}
	var items []*item
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	walkErr := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return errors.Join(err, ctx.Err())
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		it := &item{path: path, name: filepath.ToSlash(name)}
		items = append(items, it)
		switch {
		case entry.Type()&fs.ModeSymlink != 0:
			it.kind = "l"
			it.sum, err = os.Readlink(path)
			return err
		case !entry.Type().IsRegular():
			it.kind = "o" // sockets and pipes have no content
			return nil
		case info.Mode()&0o100 != 0:
			it.kind = "x"
		default:
			it.kind = "f"
		}
		group.Go(func() (err error) { it.sum, it.size, err = sumFile(it.path); return err })
		return nil
	})
	if err := errors.Join(walkErr, group.Wait()); err != nil {
		return "", 0, fmt.Errorf("digest artifact: %w", err)
	}
	slices.SortFunc(items, func(a, b *item) int { return strings.Compare(a.name, b.name) })
	h := sha256.New()
	for _, it := range items {
		fmt.Fprintf(h, "%s%s\x00%s\x00", it.kind, it.name, it.sum)
		size += it.size
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), size, nil
}

func sumFile(path string) (string, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), n, err
}

// load returns the finished artifact of a key, marked as used now.
func (b *Builder) load(key string) (Artifact, bool) {
	path := filepath.Join(b.artifactDir(key), recordFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return Artifact{}, false
	}
	var a Artifact
	if json.Unmarshal(data, &a) != nil || a.Digest != key {
		return Artifact{}, false
	}
	// Absolute paths inside of it end its worth where the folder was moved.
	if a.Dir != filepath.Join(b.artifactDir(key), appDir) {
		return Artifact{}, false
	}
	if os.Chtimes(path, time.Time{}, b.opts.Now()) != nil {
		return Artifact{}, false
	}
	return a, true
}

func (b *Builder) artifactDir(key string) string {
	return filepath.Join(b.opts.Dir, "artifacts", hexOf(key))
}

func (b *Builder) workDir(key string) string { return filepath.Join(b.opts.Dir, "work", hexOf(key)) }

func (b *Builder) lockFile(key string) string { return filepath.Join(b.opts.Dir, "locks", hexOf(key)) }

func hexOf(key string) string { return strings.TrimPrefix(key, "sha256:") }
