package detect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Bounds of what is read, so that no input can hang or exhaust the process.
const (
	maxEntries   = 50_000   // files and folders listed
	maxDepth     = 24       // folders below the root
	maxManifest  = 4 << 20  // bytes of one manifest or lockfile; larger is an error
	maxCodeFile  = 1 << 20  // bytes of one source file; larger is generated and not read
	maxCodeFiles = 4_000    // source files read per component
	maxCodeBytes = 64 << 20 // bytes of source read per component
)

// notListed holds folders of which nothing is the component's own source.
var notListed = []string{
	"node_modules", "bower_components", "vendor", "__pycache__", "site-packages", "venv", "virtualenv", "third_party",
}

// notComponents holds folders whose manifests describe no component of their
// own: what is in them shows, tests or builds something else.
var notComponents = []string{
	"testdata", "fixtures", "__fixtures__", "__tests__", "__mocks__", "test", "tests", "e2e",
	"example", "examples", "_examples", "sample", "samples", "demo", "demos",
	"playground", "doc", "docs", "tools", "hack", "benchmark", "benchmarks",
}

// source is the bounded listing of a folder. Symbolic links are not followed
// and nothing but regular files is read.
type source struct {
	fsys  fs.FS
	files map[string]int64    // path → size
	dirs  map[string][]string // folder → names of its files, sorted
	order []string            // folders, breadth first
	notes []string
	cache map[string][]byte
}

// readSource lists fsys breadth first, so that what lies near the root is found
// even where a bound is reached.
func readSource(ctx context.Context, fsys fs.FS) (*source, error) {
	s := &source{fsys: fsys, files: map[string]int64{}, dirs: map[string][]string{}, cache: map[string][]byte{}}
	queue, entries := []string{"."}, 0
	for len(queue) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		dir := queue[0]
		queue = queue[1:]
		listed, err := readDir(fsys, dir, maxEntries-entries)
		if err != nil {
			if dir == "." {
				return nil, &Error{Title: "the folder cannot be read: " + err.Error(), Next: []string{"check the path and its permissions"}, Err: err}
			}
			s.notes = append(s.notes, fmt.Sprintf("folder %s was not read: %v", dir, err))
			continue
		}
		entries += len(listed)
		s.order = append(s.order, dir)
		for _, e := range listed {
			name := path.Join(dir, e.Name())
			switch {
			case e.Type().IsRegular():
				size := int64(0)
				if info, err := e.Info(); err == nil {
					size = info.Size()
				}
				s.files[name] = size
				s.dirs[dir] = append(s.dirs[dir], e.Name())
			case e.IsDir() && !skipped(e.Name()) && strings.Count(name, "/") < maxDepth:
				queue = append(queue, name)
			}
		}
		if entries >= maxEntries {
			s.notes = append(s.notes, fmt.Sprintf("only the first %d files and folders were looked at", maxEntries))
			break
		}
	}
	return s, nil
}

// skipped reports folders that are not listed: hidden ones, apart from those
// that may hold CODEOWNERS, and installed dependencies.
func skipped(name string) bool {
	if strings.HasPrefix(name, ".") {
		return name != ".github" && name != ".gitlab"
	}
	return slices.Contains(notListed, name)
}

// readDir is fs.ReadDir that stops after limit entries.
func readDir(fsys fs.FS, dir string, limit int) ([]fs.DirEntry, error) {
	f, err := fsys.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil, errors.New("not a folder")
	}
	entries, err := d.ReadDir(max(limit, 1))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

func (s *source) has(name string) bool {
	_, ok := s.files[path.Clean(name)]
	return ok
}

func (s *source) hasDir(name string) bool {
	_, ok := s.dirs[path.Clean(name)]
	return ok || slices.Contains(s.order, path.Clean(name))
}

// first returns the first of names that exists in dir, as a path, or "".
func (s *source) first(dir string, names ...string) string {
	for _, name := range names {
		if p := path.Join(dir, name); s.has(p) {
			return p
		}
	}
	return ""
}

// manifest reads a file that must be read whole; a missing one is empty.
func (s *source) manifest(name string) ([]byte, error) {
	if size, ok := s.files[name]; !ok {
		return nil, nil
	} else if size > maxManifest {
		return nil, &Error{Source: name, Title: fmt.Sprintf("the file has %d bytes, more than the %d that are read", size, maxManifest)}
	}
	return s.read(name, maxManifest)
}

// code reads a source file, or nothing if it is too large, unreadable or binary.
func (s *source) code(name string) []byte {
	size, ok := s.files[name]
	if !ok || size > maxCodeFile {
		return nil
	}
	data, err := s.read(name, maxCodeFile)
	if err != nil || bytes.IndexByte(data[:min(len(data), 8000)], 0) >= 0 {
		return nil
	}
	return data
}

func (s *source) read(name string, limit int64) ([]byte, error) {
	if data, ok := s.cache[name]; ok {
		return data, nil
	}
	f, err := s.fsys.Open(name)
	if err != nil {
		return nil, &Error{Source: name, Title: "the file cannot be read: " + err.Error(), Err: err}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil, &Error{Source: name, Title: "the file cannot be read: " + err.Error(), Err: err}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	s.cache[name] = data
	return data, nil
}

// under returns the files below dir with one of the extensions, those nearest
// to dir first, without the folders of nested components and of tests.
func (s *source) under(dir string, exts ...string) []string {
	var found []string
	budget := int64(maxCodeBytes)
	for _, d := range s.order {
		if !within(d, dir) || d != dir && incidental(relative(d, dir)) {
			continue
		}
		for _, name := range s.dirs[d] {
			p := path.Join(d, name)
			if !slices.Contains(exts, path.Ext(name)) || s.files[p] > maxCodeFile {
				continue
			}
			if budget -= s.files[p]; len(found) >= maxCodeFiles || budget < 0 {
				return found
			}
			found = append(found, p)
		}
	}
	return found
}

// incidental reports whether a relative path leads through a folder that
// describes no component of its own.
func incidental(rel string) bool {
	for part := range strings.SplitSeq(rel, "/") {
		if slices.Contains(notComponents, part) || strings.HasPrefix(part, ".") && part != "." {
			return true
		}
	}
	return false
}

// within reports whether name is dir or lies below it.
func within(name, dir string) bool {
	return dir == "." || name == dir || strings.HasPrefix(name, dir+"/")
}

// relative returns name relative to dir, which it lies within.
func relative(name, dir string) string {
	if dir == "." {
		return name
	}
	if name == dir {
		return "."
	}
	return strings.TrimPrefix(name, dir+"/")
}

// lineOf returns the 1-based line of a byte offset.
func lineOf(data []byte, offset int) int {
	return 1 + bytes.Count(data[:max(0, min(offset, len(data)))], []byte("\n"))
}

// at names a line of a file.
func at(file string, line int) string {
	if line <= 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// find names the line of file that first holds text, or just the file.
func find(file string, data []byte, text string) string {
	if i := bytes.Index(data, []byte(text)); i >= 0 {
		return at(file, lineOf(data, i))
	}
	return file
}
