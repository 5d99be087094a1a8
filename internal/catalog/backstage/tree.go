package backstage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Reading is what was read of files and folders.
type Reading struct {
	Entities []*Entity
	// Paths are the files, as they are kept.
	Paths []string
	Notes []Note
}

// Note tells a person what an import or export did that does not go without
// saying.
type Note struct {
	// What is "renamed", "made", "inferred", "kept", "moved", "gone", "skipped",
	// "not followed" or "not changed".
	What string `json:"what"`
	Text string `json:"text"`
	// Source is the file and line that it is about, "" when it is about many.
	Source string `json:"source,omitempty"`
}

// Read reads what paths name: files, with what their Locations name, and
// folders with every catalog-info.yaml below. Nothing outside of a folder, or
// of that of a file, is read, and no address is fetched. told is called after
// each file with how many were read.
//
// It returns problem.NotFound for a path that there is not or that holds no
// catalog, and problem.Invalid with all that is wrong.
func Read(ctx context.Context, paths []string, told func(files int)) (*Reading, error) {
	r := &reader{told: told}
	for _, p := range paths {
		if err := r.path(ctx, p); err != nil {
			return nil, err
		}
	}
	if len(r.wrong) > 0 {
		title := "the catalog cannot be read; nothing was changed"
		return nil, object.Invalid(title, r.wrong)
	}
	return &r.Reading, nil
}

// reader reads one tree after another.
type reader struct {
	Reading
	told  func(int)
	wrong []problem.Field

	root   *os.Root
	shown  string          // how a person named the tree
	prefix string          // how the tree is named in what is kept
	under  []string        // the files that are being read, each named by the one before
	done   map[string]bool // the files of the tree that were
	owners map[string]*codeowners
}

// skipped are folders that hold other people's code.
var skipped = []string{".git", "node_modules", "vendor"}

// fileNames are the names of catalog files in a folder.
var fileNames = []string{"catalog-info.yaml", "catalog-info.yml"}

const maxFiles = 20_000

func (r *reader) path(ctx context.Context, given string) error {
	info, err := os.Stat(given)
	if errors.Is(err, fs.ErrNotExist) {
		return problem.New(problem.NotFound, "there is no file or folder %s", given)
	}
	if err != nil {
		return fmt.Errorf("look at %s: %w", given, err)
	}
	dir := given
	if !info.IsDir() {
		dir = filepath.Dir(given)
	}
	whole, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("find %s: %w", dir, err)
	}
	if r.root, err = os.OpenRoot(dir); err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	defer func() { _ = r.root.Close() }()
	r.shown, r.prefix, r.done, r.owners = dir, strings.Trim(filepath.Base(whole), string(filepath.Separator)), map[string]bool{}, map[string]*codeowners{}
	names := []string{filepath.Base(given)}
	if info.IsDir() {
		if names, err = r.walk(ctx); err != nil {
			return fmt.Errorf("read folder %s: %w", given, err)
		}
		if len(names) == 0 {
			return problem.New(problem.NotFound, "%s holds no catalog-info.yaml", given).
				Do("name the file: stoa import backstage FILE")
		}
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.file(name, nil, 0)
	}
	return nil
}

// walk lists the catalog files of the tree.
func (r *reader) walk(ctx context.Context) ([]string, error) {
	var names []string
	err := fs.WalkDir(r.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case entry.IsDir() && slices.Contains(skipped, entry.Name()):
			return fs.SkipDir
		case !entry.IsDir() && slices.Contains(fileNames, entry.Name()):
			if names = append(names, name); len(names) > maxFiles {
				return problem.New(problem.TooLarge, "more than %d catalog files", maxFiles).Do("import folder by folder")
			}
		}
		return nil
	})
	return names, err
}

// say adds what is wrong at a line of a file of the tree.
func (r *reader) say(e *Entity, path, format string, args ...any) {
	r.wrong = append(r.wrong, problem.Field{Path: path, Source: e.File, Line: e.LineOf(path), Message: fmt.Sprintf(format, args...)})
}

// file reads one file of the tree; by is the Location that named it, at a path
// of its own, nil when a person did.
func (r *reader) file(name string, by *Entity, line int) {
	if slices.Contains(r.under, name) {
		r.wrong = append(r.wrong, problem.Field{Source: by.File, Line: line, Path: "spec.targets", Message: fmt.Sprintf("%s names a file that leads here again", name)})
		return
	}
	if r.done[name] {
		return
	}
	shown := filepath.Join(r.shown, filepath.FromSlash(name))
	data, err := r.read(name, object.MaxList)
	if err != nil {
		f := problem.Field{Source: shown, Message: err.Error()}
		if by != nil {
			f = problem.Field{Source: by.File, Line: line, Path: "spec.targets", Message: name + " " + err.Error()}
		}
		r.wrong = append(r.wrong, f)
		return
	}
	r.done[name], r.under = true, append(r.under, name)
	defer func() { r.under = r.under[:len(r.under)-1] }()
	entities, skeletons, wrong := Parse(shown, data)
	r.wrong = append(r.wrong, wrong...)
	for _, line := range skeletons {
		r.Notes = append(r.Notes, Note{"skipped", "a pattern that a template fills in, no entity", place(shown, line)})
	}
	at := path.Join(r.prefix, name)
	r.Paths = append(r.Paths, at)
	if r.told != nil {
		r.told(len(r.Paths))
	}
	for _, e := range entities {
		e.Path = at
		r.complete(e, path.Dir(name))
		r.Entities = append(r.Entities, e)
		if e.Ref.Kind == "location" {
			r.targets(e, path.Dir(name))
		}
	}
}

// read gives a regular file of the tree. A pipe or device is not opened: that
// could take for ever.
func (r *reader) read(name string, limit int64) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, errors.New("lies outside of " + r.shown + ", which alone is read")
	}
	info, err := r.root.Stat(filepath.FromSlash(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("is not there")
	case err != nil:
		return nil, errors.New("cannot be read: " + plain(err))
	case !info.Mode().IsRegular():
		return nil, errors.New("is no file")
	case info.Size() > limit:
		return nil, fmt.Errorf("has %d KiB, the limit is %d", (info.Size()+1023)>>10, limit>>10)
	}
	f, err := r.root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, errors.New("cannot be read: " + plain(err))
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, errors.New("cannot be read: " + plain(err))
	}
	return data, nil
}

// plain gives the reason of an error without the path, which is told beside it.
func plain(err error) string {
	if told := new(fs.PathError); errors.As(err, &told) {
		return told.Err.Error()
	}
	return err.Error()
}

// targets reads the files that a Location names.
func (r *reader) targets(e *Entity, dir string) {
	optional := e.text("spec", "presence") == "optional"
	for _, key := range []string{"target", "targets"} {
		line := e.LineOf("spec." + key)
		for _, target := range e.texts("spec", key) {
			source := place(e.File, line)
			switch {
			case strings.Contains(target, "://"):
				r.Notes = append(r.Notes, Note{"not followed", target, source})
				continue
			case filepath.IsAbs(target):
				r.say(e, "spec."+key, "%s lies outside of %s, which alone is read", target, r.shown)
				continue
			}
			name := path.Join(dir, target)
			switch {
			case !fs.ValidPath(name):
				r.say(e, "spec."+key, "%s lies outside of %s, which alone is read", target, r.shown)
			case strings.ContainsAny(name, "*?["):
				for _, name := range r.matching(name) {
					if !slices.Contains(r.under, name) { // a pattern may well fit the file that it stands in
						r.file(name, e, line)
					}
				}
			case !optional || !r.missing(name):
				r.file(name, e, line)
			}
		}
	}
}

// matching lists the files whose names fit a pattern, in which ** stands for
// any folders.
func (r *reader) matching(pattern string) []string {
	var names []string
	parts := strings.Split(pattern, "/")
	// What cannot be read is nothing that fits.
	_ = fs.WalkDir(r.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || entry.IsDir() && slices.Contains(skipped, entry.Name()):
			return fs.SkipDir
		case !entry.IsDir() && fits(parts, strings.Split(name, "/")):
			if names = append(names, name); len(names) > maxFiles {
				return fs.SkipAll
			}
		}
		return nil
	})
	return names
}

// fits matches part by part and goes back to the last ** when it must.
func fits(pattern, name []string) bool {
	p, n, star, from := 0, 0, -1, 0
	for n < len(name) {
		if p < len(pattern) && pattern[p] == "**" {
			star, from = p, n
			p++
			continue
		}
		ok := false
		if p < len(pattern) {
			ok, _ = path.Match(pattern[p], name[n]) // a pattern that is wrong fits nothing
		}
		switch {
		case ok:
			p, n = p+1, n+1
		case star >= 0:
			from++
			p, n = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == "**" {
		p++
	}
	return p == len(pattern)
}

func (r *reader) missing(name string) bool {
	_, err := r.root.Stat(filepath.FromSlash(name))
	return errors.Is(err, fs.ErrNotExist)
}

// complete adds to an entity what lies in other files: its owner by CODEOWNERS
// and an API's definition.
func (r *reader) complete(e *Entity, dir string) {
	if _, said := e.one(refOwner); !said && slices.Contains([]string{"component", "system", "api"}, e.Ref.Kind) {
		e.Team, e.TeamSource = r.ownerOf(dir)
	}
	at, name := definition(e)
	if at == nil || name == "" || strings.Contains(name, "://") {
		return
	}
	text, err := r.read(path.Join(dir, name), catalog.MaxDefinition)
	if err != nil {
		r.Notes = append(r.Notes, Note{"kept", "the definition " + name + " of " + e.String() + " stays where it is: it " + err.Error(), place(e.File, e.LineOf("spec.definition"))})
		return
	}
	e.Definition = string(text)
}

// definition gives the value that defines an API and, when that stands for the
// content of another file, the file's name or address.
func definition(e *Entity) (at *yaml.Node, elsewhere string) {
	if e.Ref.Kind != "api" {
		return nil, ""
	}
	at = field(e.root, "spec", "definition")
	if at == nil || at.Kind != yaml.MappingNode {
		return at, ""
	}
	for i := 0; i+1 < len(at.Content); i += 2 {
		if key, value := follow(at.Content[i]), follow(at.Content[i+1]); strings.HasPrefix(key.Value, "$") && value.Kind == yaml.ScalarNode {
			return at, value.Value
		}
	}
	return at, ""
}
