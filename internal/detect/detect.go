package detect

import (
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Options is what the caller knows beside the source.
type Options struct {
	// Name is the fallback for a name: that of the folder or repository.
	Name string
	// Origin is what is known of the checkout that the source comes from.
	Origin Origin
	// Answers holds answers to questions of an earlier Detect, by Question.ID.
	Answers map[string]string
}

// language proposes the component whose manifest lies in a folder, or nil if
// the folder holds none of that language.
type language struct {
	name   string
	detect func(ctx context.Context, s *scan, dir string) (*draft, error)
}

// languages is the table of what can be built, in the order in which they are
// tried. Where several recognise one folder, the surest start command wins.
var languages = []language{
	{"go", detectGo},
	{"node", detectNode},
	{"python", detectPython},
	{"static", detectStatic},
}

// scan is the state of one Detect.
type scan struct {
	src      *source
	opts     Options
	modules  map[string]goModule // folder → module, all of the source
	programs map[string]*goCode  // folder of a main package → what it tells
	packages map[string]*nodePackage
}

// Detect reads the folder and returns its components. It executes nothing and
// never consults the machine's own toolchains. A folder in which nothing can
// be run, or with a manifest that cannot be parsed, gives an *Error.
func Detect(ctx context.Context, root fs.FS, opts Options) (Result, error) {
	src, err := readSource(ctx, root)
	if err != nil {
		return Result{}, err
	}
	s := &scan{src: src, opts: opts, modules: map[string]goModule{}, programs: map[string]*goCode{}, packages: map[string]*nodePackage{}}
	result := Result{Notes: src.notes}
	candidates := s.candidates()
	// Modules are known beforehand, so that a program's imports can be followed
	// from one module of the source into another.
	for _, dir := range candidates {
		if src.has(path.Join(dir, "go.mod")) {
			if _, err := s.goModule(dir); err != nil {
				return Result{}, err
			}
		}
	}
	var drafts []*draft
	for _, dir := range candidates {
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		d, err := s.component(ctx, dir, drafts)
		if err != nil {
			return Result{}, err
		}
		if d != nil {
			drafts = append(drafts, d)
		} else if u := s.unsupported(dir); u != nil && !s.partOf(dir, result.Unsupported) {
			result.Unsupported = append(result.Unsupported, *u)
		}
	}
	if len(drafts) == 0 {
		return Result{}, nothingFound(src, result.Unsupported)
	}
	distinctNames(drafts)
	for _, d := range drafts {
		if d.question != nil {
			d.question.Component = d.Name
			result.Questions = append(result.Questions, *d.question)
		}
		result.Components = append(result.Components, d.finish())
	}
	return result, nil
}

// manifests are the files that make a folder below the root a candidate.
var manifests = []string{
	"go.mod", "package.json", "pyproject.toml", "requirements.txt", "Pipfile", "setup.py", "manage.py", "Procfile", "score.yaml",
}

// generated are folders whose manifests were written by a build.
var generated = []string{"dist", "build", "target", "out", "public", "static", "assets", "_site"}

// notSource reports folders that a build writes or that a generator copies from.
func notSource(name string) bool {
	return slices.Contains(generated, name) || strings.HasPrefix(name, "template")
}

// candidates returns the folders that may hold a component, the root first.
func (s *scan) candidates() []string {
	dirs := []string{"."}
	for _, dir := range s.src.order {
		if dir == "." || incidental(dir) || slices.ContainsFunc(strings.Split(dir, "/"), notSource) {
			continue
		}
		if s.src.first(dir, manifests...) != "" || s.unsupported(dir) != nil {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// component returns the component of one folder, or nil.
func (s *scan) component(ctx context.Context, dir string, earlier []*draft) (*draft, error) {
	var best *draft
	for _, l := range languages {
		d, err := l.detect(ctx, s, dir)
		if err != nil {
			return nil, err
		}
		if d == nil || l.name == "static" && best != nil && best.Type != TypeLibrary {
			continue
		}
		if best == nil || d.sureness() > best.sureness() {
			best = d
		}
	}
	best, err := s.override(dir, best)
	if err != nil || best == nil {
		return nil, err
	}
	if best.Name == "" {
		best.setName(path.Base(dir), "name of the folder", convention)
	}
	if best.Name == "" {
		best.setName(s.opts.Name, "name of the folder", convention)
	}
	if best.Name == "" {
		best.setName("app", "no name was found", guess)
	}
	return best, s.owner(best)
}

// sureness orders proposals for one folder: how sure it is that they can run.
func (d *draft) sureness() float64 {
	switch {
	case d.question != nil:
		return likely
	case d.Type == TypeLibrary || d.Type == "":
		return 0
	}
	return max(d.evidence["start"].Confidence, d.evidence["output"].Confidence)
}

// distinctNames renames components that share a name after their folders.
func distinctNames(drafts []*draft) {
	taken := map[string]int{}
	for _, d := range drafts {
		taken[d.Name]++
	}
	used := map[string]bool{}
	for _, d := range drafts {
		if taken[d.Name] > 1 && d.Dir != "." {
			name := label(path.Base(d.Dir))
			if name == "" || taken[name] > 0 {
				name = label(strings.ReplaceAll(d.Dir, "/", "-"))
			}
			d.evidence["name"] = Setting{Field: "name", Value: name, Source: "name of the folder", Confidence: convention}
			d.Name = name
		}
		for base, i := d.Name, 2; used[d.Name]; i++ {
			d.Name = base + "-" + string(rune('0'+i%10))
		}
		used[d.Name] = true
	}
}

// nothingFound says what was looked for.
func nothingFound(src *source, unsupported []Unsupported) error {
	if len(unsupported) > 0 {
		u := unsupported[0]
		return &Error{Source: u.Source, Title: "this is " + u.Language + ", which cannot be built yet", Why: []string{u.Source + " was found"}, Next: u.Next}
	}
	looked := []string{"looked for " + strings.Join(manifests, ", "), "and for main.py, app.py, server.py, index.js, server.js, index.html, public/, dist/, _site/"}
	title := "nothing that can be run was found"
	if len(src.files) == 0 {
		title = "the folder is empty"
	}
	return &Error{Title: title, Why: looked, Next: []string{"give the folder that holds the code", "or add a Procfile with a line such as  web: ./start --port $PORT"}}
}
