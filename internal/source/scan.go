package source

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Scan reads the source in dir: all files but those ignored by .gitignore and
// .stoaignore (of any folder, and of the folders above up to the root of the
// Git working tree) or by Stoa's defaults: version control, node_modules,
// virtual environments, __pycache__, target of Rust and Maven and the like.
//
// A symbolic link that leaves dir and a source over DefaultFiles or
// DefaultBytes are a problem.Problem. Sockets, pipes and devices are left out.
func Scan(ctx context.Context, dir string) (Snapshot, error) {
	return ScanWithin(ctx, dir, Limits{})
}

// ScanWithin is Scan with other limits.
func ScanWithin(ctx context.Context, dir string, limits Limits) (Snapshot, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return Snapshot{}, fmt.Errorf("scan source: %w", err)
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return Snapshot{}, problem.New(problem.Invalid, "no source at %s: %w", dir, err)
	}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return Snapshot{}, problem.New(problem.Invalid, "no source at %s: not a folder", dir)
	}
	rules := parseRules([]byte(defaultRules), "", "")
	rules = append(rules, rulesAbove(root)...)
	w := &walk{root: root, limits: limits.withDefaults(), rules: true}
	if err := w.folder(ctx, "", rules); err != nil {
		return Snapshot{}, err
	}
	if err := w.overLimit(); err != nil {
		return Snapshot{}, err
	}
	if err := checkLinks(w.files); err != nil {
		return Snapshot{}, err
	}
	size, err := hashFiles(ctx, root, w.files)
	if err != nil {
		return Snapshot{}, err
	}
	return Snapshot{Digest: digestFiles(w.files), Files: w.files, Size: size, dir: root}, nil
}

// walk collects the files of a source, without their sums.
type walk struct {
	root    string
	limits  Limits
	rules   bool // honour ignore files
	files   []File
	size    int64
	ignored int
}

// folder walks one folder; name is its path in the source, "" for the root.
func (w *walk) folder(ctx context.Context, name string, rules []rule) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	dir := filepath.Join(w.root, filepath.FromSlash(name))
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("scan source: %w", err)
	}
	if w.rules {
		// Clip: siblings must not see each other's rules in the shared array.
		rules = append(slices.Clip(rules), ownRules(dir, name, entries)...)
	}
	for _, entry := range entries {
		if w.farOver() {
			return nil
		}
		file := path.Join(name, entry.Name())
		if w.rules && skip(dir, file, entry, rules) {
			w.ignored++
			continue
		}
		if entry.IsDir() {
			if err := w.folder(ctx, file, rules); err != nil {
				return err
			}
			continue
		}
		if err := w.add(file, entry); err != nil {
			return err
		}
	}
	return nil
}

func ownRules(dir, name string, entries []fs.DirEntry) []rule {
	var rules []rule
	for _, ignoreFile := range []string{".gitignore", IgnoreFile} {
		_, here := slices.BinarySearchFunc(entries, ignoreFile, func(e fs.DirEntry, n string) int {
			if e.Name() < n {
				return -1
			}
			if e.Name() > n {
				return 1
			}
			return 0
		})
		if !here {
			continue
		}
		if data, err := os.ReadFile(filepath.Join(dir, ignoreFile)); err == nil {
			rules = append(rules, parseRules(data, name, "")...)
		}
	}
	return rules
}

func skip(dir, file string, entry fs.DirEntry, rules []rule) bool {
	if entry.Name() == ".git" {
		return true
	}
	ignore, decided := ignored(rules, file, entry.IsDir())
	if decided {
		return ignore
	}
	return entry.IsDir() && isToolOutput(dir, entry.Name())
}

func (w *walk) add(name string, entry fs.DirEntry) error {
	if !fs.ValidPath(name) {
		return problem.New(problem.Invalid, "the name of file %q is not valid UTF-8", name).Do("rename the file or ignore it")
	}
	info, err := entry.Info()
	if err != nil {
		return fmt.Errorf("scan source: %w", err)
	}
	file := File{Path: name}
	switch {
	case info.Mode().IsRegular():
		file.Size = info.Size()
		file.Executable = info.Mode()&0o100 != 0
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(filepath.Join(w.root, filepath.FromSlash(name)))
		if err != nil {
			return fmt.Errorf("scan source: %w", err)
		}
		file.Link = filepath.ToSlash(target)
	default:
		return nil
	}
	w.files = append(w.files, file)
	w.size += file.Size
	return nil
}

// farOver ends a walk that is so far over the limit in files that going on
// would only cost time; a little over, it goes on to find the largest folders.
func (w *walk) farOver() bool { return len(w.files) > 10*w.limits.Files }

// hashFiles fills in the sums, in parallel, and returns the bytes read.
func hashFiles(ctx context.Context, root string, files []File) (int64, error) {
	const batch = 16 // files a worker takes at once, so that they do not contend
	var next, size atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range max(2, runtime.GOMAXPROCS(0)) {
		group.Go(func() error {
			h := fileHasher{root: root, buf: make([]byte, 64<<10)}
			for {
				from := int(next.Add(batch)) - batch
				if from >= len(files) {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				for i := from; i < min(from+batch, len(files)); i++ {
					if err := h.sum(&files[i]); err != nil {
						return fmt.Errorf("scan source: %w", err)
					}
					size.Add(files[i].Size)
				}
			}
		})
	}
	err := group.Wait()
	return size.Load(), err
}

type fileHasher struct {
	root string
	buf  []byte
}

// sum sets Size and Sum of a regular file by what is read from it.
func (h fileHasher) sum(file *File) error {
	if file.Link != "" {
		return nil
	}
	f, err := os.Open(filepath.Join(h.root, filepath.FromSlash(file.Path)))
	if err != nil {
		return err
	}
	defer f.Close()
	sha := sha256.New()
	// The reader is wrapped so that CopyBuffer uses the buffer.
	file.Size, err = io.CopyBuffer(sha, struct{ io.Reader }{f}, h.buf)
	sha.Sum(file.Sum[:0])
	return err
}
