package detect

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// goModule is one module of the source.
type goModule struct {
	dir  string
	file *modfile.File
}

// detectGo proposes the component of the module in dir.
func detectGo(ctx context.Context, s *scan, dir string) (*draft, error) {
	manifest := path.Join(dir, "go.mod")
	if !s.src.has(manifest) {
		return nil, nil
	}
	module, err := s.goModule(dir)
	if err != nil {
		return nil, err
	}
	f := module.file
	d := newDraft(dir, "go", at(manifest, f.Module.Syntax.Start.Line))
	d.setName(moduleName(f.Module.Mod.Path), at(manifest, f.Module.Syntax.Start.Line), stated)
	d.setManager("go", at(manifest, f.Module.Syntax.Start.Line), stated)
	goVersion(d, manifest, f)
	if err := s.goWorkspace(d, f); err != nil {
		return nil, err
	}
	target, err := s.goTarget(ctx, d, module)
	if err != nil {
		return nil, err
	}
	if target == "" {
		if d.question == nil {
			d.setType(TypeLibrary, manifest, readInCode)
		}
		return d, nil
	}
	code, err := s.goCode(ctx, target)
	if err != nil {
		return nil, err
	}
	goBuild(d, target, code)
	goFacts(d, f, code)
	return d, nil
}

// moduleName is the last telling element of a module path: the one before a
// major version.
func moduleName(modulePath string) string {
	if prefix, _, ok := splitMajor(modulePath); ok {
		modulePath = prefix
	}
	return path.Base(modulePath)
}

func splitMajor(p string) (string, string, bool) {
	i := strings.LastIndexByte(p, '/')
	if i < 0 || len(p) < i+3 || p[i+1] != 'v' || strings.Trim(p[i+2:], "0123456789") != "" {
		return p, "", false
	}
	return p[:i], p[i+1:], true
}

func goVersion(d *draft, manifest string, f *modfile.File) {
	source, version := manifest, ""
	if f.Go != nil {
		version, source = f.Go.Version, at(manifest, f.Go.Syntax.Start.Line)
	}
	if f.Toolchain != nil {
		wanted := strings.TrimPrefix(f.Toolchain.Name, "go")
		if version == "" || semver.Compare("v"+wanted, "v"+version) > 0 {
			version, source = wanted, at(manifest, f.Toolchain.Syntax.Start.Line)
		}
	}
	d.setVersion(version, source, stated)
	if version != "" {
		version = ">=" + version
	}
	d.tool("go", version, source)
}

// goWorkspace sets the folder that the build has to see: that of the go.work
// which uses the module, or one that holds every module it is replaced by.
func (s *scan) goWorkspace(d *draft, f *modfile.File) error {
	for dir := d.Dir; ; dir = path.Dir(dir) {
		if name := path.Join(dir, "go.work"); s.src.has(name) {
			work, err := s.goWork(name)
			if err != nil {
				return err
			}
			for _, use := range work.Use {
				if path.Join(dir, use.Path) == d.Dir {
					d.Root = dir
				}
			}
		}
		if dir == "." {
			break
		}
	}
	for _, r := range f.Replace {
		if !strings.HasPrefix(r.New.Path, ".") {
			continue
		}
		target := path.Join(d.Dir, r.New.Path)
		if strings.HasPrefix(target, "..") {
			return &Error{
				Source: at(path.Join(d.Dir, "go.mod"), r.Syntax.Start.Line),
				Title:  fmt.Sprintf("module %s is replaced by %s, which lies outside of the folder given", r.Old.Path, r.New.Path),
				Next:   []string{"give the folder that holds both, such as the root of the repository"},
			}
		}
		for !within(target, d.Root) {
			d.Root = path.Dir(d.Root)
		}
	}
	return nil
}

// goTarget chooses the main package to build: that at the root, the only one,
// the one named like the module, the only one that listens, or the one a
// person names. It returns "" if there is none, or a question was asked.
func (s *scan) goTarget(ctx context.Context, d *draft, m goModule) (string, error) {
	mains, err := s.goMains(ctx, m.dir)
	if err != nil || len(mains) == 0 {
		return "", err
	}
	choose := func(target string, confidence float64) (string, error) {
		d.note("build", "go build ./"+relative(target, m.dir), target+" (package main)", confidence)
		return target, nil
	}
	id := "target:" + m.dir
	if answer, ok := s.opts.Answers[id]; ok {
		if target := path.Join(m.dir, answer); slices.Contains(mains, target) {
			return choose(target, stated)
		}
		return "", &Error{Source: path.Join(m.dir, "go.mod"), Title: fmt.Sprintf("%q is not a main package of the module", answer), Next: []string{"choose one of " + strings.Join(mains, ", ")}}
	}
	if slices.Contains(mains, m.dir) || len(mains) == 1 {
		return choose(mains[0], readInCode)
	}
	var inCmd []string
	for _, dir := range mains {
		if within(dir, path.Join(m.dir, "cmd")) {
			inCmd = append(inCmd, dir)
		}
	}
	if len(inCmd) == 1 {
		return choose(inCmd[0], convention)
	}
	for _, name := range []string{path.Base(m.file.Module.Mod.Path), moduleName(m.file.Module.Mod.Path), s.opts.Name} {
		for _, dir := range mains {
			if label(path.Base(dir)) == label(name) && name != "" {
				return choose(dir, convention)
			}
		}
	}
	var listening []string
	for _, dir := range mains {
		code, err := s.goCode(ctx, dir)
		if err != nil {
			return "", err
		}
		if code.listens != "" {
			listening = append(listening, dir)
		}
	}
	if len(listening) == 1 {
		return choose(listening[0], convention)
	}
	d.question = &Question{
		ID: id, Component: d.Name, Field: "build",
		Text: fmt.Sprintf("Which of the %d programs of module %s is the service?", len(mains), m.file.Module.Mod.Path),
		Why:  []string{"no main package at the root", "none is named like the module", fmt.Sprintf("%d of %d listen for requests", len(listening), len(mains))},
	}
	options := mains
	if len(listening) > 1 {
		options = listening
	}
	for _, dir := range options {
		d.question.Options = append(d.question.Options, relative(dir, m.dir))
	}
	return "", nil
}

// goMains returns the folders of the module that hold a main package.
func (s *scan) goMains(ctx context.Context, moduleDir string) ([]string, error) {
	var mains []string
	parsed := 0
	for _, dir := range s.src.order {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rel := relative(dir, moduleDir)
		if !within(dir, moduleDir) || dir != moduleDir && (incidental(rel) || s.nestedModule(dir, moduleDir)) {
			continue
		}
		for _, name := range s.src.dirs[dir] {
			file := path.Join(dir, name)
			if !s.goMatch(file) || parsed >= maxCodeFiles {
				continue
			}
			parsed++
			f, _ := parser.ParseFile(token.NewFileSet(), file, s.src.code(file), parser.SkipObjectResolution)
			if f == nil {
				continue
			}
			if f.Name.Name != "main" {
				break // one file tells the package
			}
			if slices.ContainsFunc(f.Decls, isFuncMain) {
				mains = append(mains, dir)
				break
			}
		}
	}
	return mains, nil
}

func isFuncMain(d ast.Decl) bool {
	f, ok := d.(*ast.FuncDecl)
	return ok && f.Name.Name == "main" && f.Recv == nil && f.Body != nil && len(f.Body.List) > 0 // an empty one only holds go:generate lines
}

// nestedModule reports whether a module of its own lies between dir and the
// folder of the module asked about.
func (s *scan) nestedModule(dir, moduleDir string) bool {
	for ; dir != moduleDir && dir != "."; dir = path.Dir(dir) {
		if s.src.has(path.Join(dir, "go.mod")) {
			return true
		}
	}
	return false
}

// goMatch reports whether a file belongs to a build for Linux without cgo.
func (s *scan) goMatch(file string) bool {
	if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
		return false
	}
	c := build.Context{
		GOOS: "linux", GOARCH: "amd64", Compiler: "gc", ReleaseTags: build.Default.ReleaseTags, CgoEnabled: true,
		OpenFile: func(string) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(string(s.src.code(file)))), nil
		},
		JoinPath: path.Join,
	}
	ok, err := c.MatchFile(path.Dir(file), path.Base(file))
	return ok && err == nil
}

func (s *scan) goModule(dir string) (goModule, error) {
	name := path.Join(dir, "go.mod")
	if m, ok := s.modules[dir]; ok {
		return m, nil
	}
	data, err := s.src.manifest(name)
	if err != nil {
		return goModule{}, err
	}
	f, err := modfile.ParseLax(name, data, nil)
	if err != nil {
		return goModule{}, goSyntax(name, err)
	}
	if f.Module == nil {
		return goModule{}, &Error{Source: name, Title: "there is no module line", Next: []string{"go mod init NAME"}}
	}
	// Lax parsing keeps only what a dependency needs; replacements are wanted too.
	if strict, err := modfile.Parse(name, data, nil); err == nil {
		f = strict
	}
	m := goModule{dir: dir, file: f}
	s.modules[dir] = m
	return m, nil
}

func (s *scan) goWork(name string) (*modfile.WorkFile, error) {
	data, err := s.src.manifest(name)
	if err != nil {
		return nil, err
	}
	f, err := modfile.ParseWork(name, data, nil)
	if err != nil {
		return nil, goSyntax(name, err)
	}
	return f, nil
}

// goSyntax turns the parser's error, which leads with file and line, into ours.
func goSyntax(name string, err error) error {
	e := &Error{Source: name, Title: err.Error(), Err: err}
	var list modfile.ErrorList
	if errors.As(err, &list) && len(list) > 0 {
		e.Source, e.Title = at(name, list[0].Pos.Line), list[0].Err.Error()
	}
	return e
}
