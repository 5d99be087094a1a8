package detect

import (
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// pythonProject is what the manifests of a Python project state.
type pythonProject struct {
	name, nameSource         string
	requires, requiresSource string            // wanted version of Python
	manager, managerSource   string            // uv, poetry, pipenv, pip
	script, scriptSource     string            // the project's own command
	packaged                 bool              // can be installed as a package
	virtual                  bool              // the root of a workspace that is no project itself
	tooling                  bool              // pyproject.toml configures tools only
	workspace                string            // folder of the uv workspace, if it is not the project's own
	required                 map[string]string // distribution, normalised → where it is required
	missing                  []string          // what the start command needs beside it
}

func (p *pythonProject) has(name string) bool {
	_, ok := p.required[name]
	return ok
}

// need adds a distribution that the start command needs but nobody requires.
func (p *pythonProject) need(name string) {
	if !p.has(name) {
		p.missing = append(p.missing, name)
	}
}

func (p *pythonProject) add(requirement, source string) {
	if m := requirementName.FindString(strings.TrimSpace(requirement)); m != "" {
		name := normalise(m)
		if _, ok := p.required[name]; !ok {
			p.required[name] = source
		}
	}
}

var (
	requirementName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*`)
	separators      = regexp.MustCompile(`[-_.]+`)
)

// normalise gives the one spelling of a distribution's name (PEP 503).
func normalise(name string) string {
	return strings.ToLower(separators.ReplaceAllString(name, "-"))
}

// pyproject is the part of pyproject.toml that matters here.
type pyproject struct {
	Project *struct {
		Name           string
		RequiresPython string `toml:"requires-python"`
		Dependencies   []string
		Scripts        map[string]string
		Optional       map[string][]string `toml:"optional-dependencies"`
	}
	BuildSystem *struct{ Requires []string } `toml:"build-system"`
	Tool        struct {
		Poetry *struct {
			Name         string
			Dependencies map[string]any
			Scripts      map[string]any
			PackageMode  *bool `toml:"package-mode"`
		}
		UV struct {
			Workspace struct{ Members []string }
		} `toml:"uv"`
	}
}

// pythonProject reads every manifest of the folder.
func (s *scan) pythonProject(dir string) (*pythonProject, error) {
	p := &pythonProject{required: map[string]string{}}
	if err := s.readPyproject(p, path.Join(dir, "pyproject.toml")); err != nil {
		return nil, err
	}
	if err := s.readPipfile(p, path.Join(dir, "Pipfile")); err != nil {
		return nil, err
	}
	if err := s.readRequirements(p, path.Join(dir, "requirements.txt"), map[string]bool{}); err != nil {
		return nil, err
	}
	if setup := s.src.first(dir, "setup.py", "setup.cfg"); setup != "" {
		p.packaged = true
		p.manager, p.managerSource = "pip", setup
	}
	for _, c := range []struct{ file, manager string }{
		{"pyproject.toml", "pip"}, {"requirements.txt", "pip"}, {"Pipfile", "pipenv"}, {"Pipfile.lock", "pipenv"}, {"poetry.lock", "poetry"}, {"uv.lock", "uv"},
	} {
		if file := path.Join(dir, c.file); s.src.has(file) && (c.file != "pyproject.toml" || p.manager == "") {
			p.manager, p.managerSource = c.manager, file
		}
	}
	return p, s.uvWorkspace(p, dir)
}

// uvWorkspace finds the workspace that lists the project as a member.
func (s *scan) uvWorkspace(p *pythonProject, dir string) error {
	for parent := dir; parent != "." && p.name != ""; {
		parent = path.Dir(parent)
		file := path.Join(parent, "pyproject.toml")
		if !s.src.has(file) || !s.src.has(path.Join(parent, "uv.lock")) {
			continue
		}
		data, err := s.src.manifest(file)
		if err != nil {
			return err
		}
		var doc pyproject
		if _, err := toml.Decode(string(data), &doc); err != nil {
			return tomlError(file, err)
		}
		if matchesWorkspace(doc.Tool.UV.Workspace.Members, relative(dir, parent)) {
			p.workspace, p.manager, p.managerSource = parent, "uv", path.Join(parent, "uv.lock")
		}
	}
	return nil
}

func (s *scan) readPyproject(p *pythonProject, file string) error {
	data, err := s.src.manifest(file)
	if err != nil || data == nil {
		return err
	}
	var doc pyproject
	if _, err := toml.Decode(string(data), &doc); err != nil {
		return tomlError(file, err)
	}
	p.tooling = doc.Project == nil && doc.Tool.Poetry == nil
	p.virtual = len(doc.Tool.UV.Workspace.Members) > 0 && doc.Project == nil
	p.packaged = doc.BuildSystem != nil
	if project := doc.Project; project != nil {
		p.name, p.nameSource = project.Name, find(file, data, "name")
		p.requires, p.requiresSource = project.RequiresPython, find(file, data, "requires-python")
		for _, r := range project.Dependencies {
			p.add(r, find(file, data, r))
		}
		p.chooseScript(project.Scripts, file, data)
	}
	if poetry := doc.Tool.Poetry; poetry != nil {
		p.manager, p.managerSource = "poetry", find(file, data, "[tool.poetry")
		if p.name == "" {
			p.name, p.nameSource = poetry.Name, find(file, data, "name")
		}
		for name, v := range poetry.Dependencies {
			if name != "python" {
				p.add(name, find(file, data, "\n"+name))
			} else if version, ok := v.(string); ok && p.requires == "" {
				p.requires, p.requiresSource = version, find(file, data, "python =")
			}
		}
		scripts := map[string]string{}
		for name, v := range poetry.Scripts {
			if text, ok := v.(string); ok {
				scripts[name] = text
			}
		}
		p.chooseScript(scripts, file, data)
		p.packaged = p.packaged && (poetry.PackageMode == nil || *poetry.PackageMode)
	}
	return nil
}

// chooseScript takes the command named like the project, a customary name, or
// the only one.
func (p *pythonProject) chooseScript(scripts map[string]string, file string, data []byte) {
	for _, name := range []string{p.name, normalise(p.name), "serve", "server", "start", "app", "web", "api"} {
		if _, ok := scripts[name]; ok && name != "" {
			p.script, p.scriptSource = name, find(file, data, name+" =")
			return
		}
	}
	for name := range scripts {
		if len(scripts) == 1 {
			p.script, p.scriptSource = name, find(file, data, name+" =")
		}
	}
}

func (s *scan) readPipfile(p *pythonProject, file string) error {
	data, err := s.src.manifest(file)
	if err != nil || data == nil {
		return err
	}
	var doc struct {
		Packages map[string]any
		Requires map[string]any
		Scripts  map[string]any
	}
	if _, err := toml.Decode(string(data), &doc); err != nil {
		return tomlError(file, err)
	}
	for name := range doc.Packages {
		p.add(name, find(file, data, name))
	}
	for _, key := range []string{"python_full_version", "python_version"} {
		if v, ok := doc.Requires[key].(string); ok && p.requires == "" {
			p.requires, p.requiresSource = v, find(file, data, key)
		}
	}
	return nil
}

// readRequirements reads requirements.txt with the files that it includes.
func (s *scan) readRequirements(p *pythonProject, file string, seen map[string]bool) error {
	if seen[file] || len(seen) > 20 {
		return nil
	}
	seen[file] = true
	data, err := s.src.manifest(file)
	if err != nil {
		return err
	}
	number := 0
	for line := range strings.SplitSeq(string(data), "\n") {
		number++
		line = strings.TrimSpace(line)
		for _, flag := range []string{"-r", "--requirement"} {
			if rest, ok := strings.CutPrefix(line, flag); ok {
				included := path.Join(path.Dir(file), strings.Trim(rest, " =\t"))
				if err := s.readRequirements(p, included, seen); err != nil {
					return err
				}
			}
		}
		p.add(line, at(file, number))
	}
	return nil
}

// tomlError names the line at which a TOML document is broken.
func tomlError(file string, err error) error {
	e := &Error{Source: file, Title: "not valid TOML: " + err.Error(), Err: err}
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		e.Source, e.Title = at(file, syntax.Position.Line), "not valid TOML: "+syntax.Message
	}
	return e
}

// relocatable rewrites the scripts of the environment, which begin with the
// absolute path of the build, to find the interpreter beside themselves. A path
// with spaces, or too long for a first line, stands in a second one. Its dollar
// signs are doubled, as the words of a command are expanded.
const relocatable = `import pathlib, re
head = re.compile(rb"#!(/bin/sh\n'''exec' )?[^\n]*/\.venv/bin/python[^\n]*\n(' '''\n)?")
for f in pathlib.Path(".venv/bin").iterdir():
    if f.is_symlink() or not f.is_file(): continue
    b = f.read_bytes()
    m = head.match(b)
    if m:
        f.write_bytes(b"#!/bin/sh\n'''exec' \"$$(dirname -- \"$$(realpath -- \"$$0\")\")/python\" \"$$0\" \"$$@\"\n' '''\n" + b[m.end():])
`

// pythonBuild writes the steps: an environment of the project's own, its
// requirements, what the start command needs beside them.
func (s *scan) pythonBuild(d *draft, p *pythonProject) {
	in := func(name string) string { return path.Join(d.Dir, name) }
	pip := []string{".venv/bin/python", "-m", "pip", "install", "--disable-pip-version-check", "--no-input"}
	at := d.Dir
	if p.workspace != "" {
		d.Dir = p.workspace // the environment is the workspace's
		defer func() { d.Dir = at }()
	}
	if len(p.required)+len(p.missing) == 0 && !p.packaged && p.manager == "" {
		// Nothing is to be installed: without pip it is there at once.
		d.step("environment", "python3", "-m", "venv", "--without-pip", ".venv")
		return
	}
	d.step("environment", "python3", "-m", "venv", ".venv")
	switch p.manager {
	case "uv":
		d.step("environment of uv", "python3", "-m", "venv", ".uv")
		d.step("get uv", ".uv/bin/python", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "uv")
		sync := []string{".uv/bin/python", "-m", "uv", "sync", "--frozen", "--no-dev", "--inexact", "--no-editable", "--python", ".venv/bin/python"}
		if p.workspace != "" {
			sync = append(sync, "--package", p.name)
		}
		d.step("install dependencies", sync...)
		d.step("leave out uv", "rm", "-rf", ".uv")
	case "poetry":
		d.step("environment of poetry", "python3", "-m", "venv", ".poetry")
		d.step("get poetry", ".poetry/bin/python", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "poetry")
		install := Step{Name: "install dependencies", Command: Command{
			Argv: []string{".poetry/bin/python", "-m", "poetry", "install", "--only", "main", "--no-interaction", "--no-root"},
			Dir:  d.workdir(), Env: map[string]string{"POETRY_VIRTUALENVS_IN_PROJECT": "true"},
		}}
		d.steps(install)
		if p.packaged {
			d.step("install the project", append(slices.Clone(pip), "--no-deps", ".")...)
		}
		d.step("leave out poetry", "rm", "-rf", ".poetry")
	case "pipenv":
		d.step("environment of pipenv", "python3", "-m", "venv", ".pipenv")
		d.step("get pipenv", ".pipenv/bin/python", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "pipenv")
		argv := []string{".pipenv/bin/python", "-m", "pipenv", "install", "--skip-lock"}
		if s.src.has(in("Pipfile.lock")) {
			argv = []string{".pipenv/bin/python", "-m", "pipenv", "sync"}
		}
		d.steps(Step{Name: "install dependencies", Command: Command{Argv: argv, Dir: d.workdir(), Env: map[string]string{"PIPENV_VENV_IN_PROJECT": "1", "PIPENV_NOSPIN": "1", "PIPENV_YES": "1"}}})
		d.step("leave out pipenv", "rm", "-rf", ".pipenv")
	default:
		switch {
		case s.src.has(in("requirements.txt")):
			d.step("install dependencies", append(slices.Clone(pip), "-r", "requirements.txt")...)
			if p.script != "" && d.Start.Argv != nil && d.Start.Argv[0] == ".venv/bin/"+p.script {
				d.step("install the project", append(slices.Clone(pip), ".")...)
			}
		case p.packaged || len(p.required) > 0 && s.src.has(in("pyproject.toml")) && p.script != "":
			d.step("install the project", append(slices.Clone(pip), ".")...)
		case len(p.required) > 0:
			// Not a package, so only what it depends on is installed.
			d.step("install dependencies", ".venv/bin/python", "-c", projectDependencies)
		}
	}
	if len(p.missing) > 0 {
		d.step("get "+strings.Join(p.missing, ", "), append(slices.Clone(pip), p.missing...)...)
	}
	d.step("make the environment movable", ".venv/bin/python", "-c", relocatable)
}

// projectDependencies installs the dependencies that pyproject.toml lists.
// tomllib is part of Python 3.11; pip carries the same reader for older ones.
const projectDependencies = `import subprocess, sys
try: import tomllib
except ImportError: from pip._vendor import tomli as tomllib
wanted = tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *wanted]))
`
