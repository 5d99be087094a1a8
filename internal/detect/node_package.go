package detect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// nodePackage is a package.json. Fields whose type varies are kept raw, so
// that an odd one does not spoil the rest.
type nodePackage struct {
	file string
	data []byte

	Name            string
	Main            string
	Scripts         map[string]string
	Dependencies    map[string]string
	DevDependencies map[string]string
	Engines         map[string]string
	PackageManager  string
	Keywords        []string
	Description     string
	Bin             map[string]string
	Workspaces      []string
	Volta           map[string]string
}

// nodePackage reads the package.json of a folder; nil if there is none.
func (s *scan) nodePackage(dir string) (*nodePackage, error) {
	if p, ok := s.packages[dir]; ok {
		return p, nil
	}
	file := path.Join(dir, "package.json")
	if !s.src.has(file) {
		return nil, nil
	}
	data, err := s.src.manifest(file)
	if err != nil {
		return nil, err
	}
	p, err := parsePackage(file, data)
	if err != nil {
		return nil, err
	}
	s.packages[dir] = p
	return p, nil
}

func parsePackage(file string, data []byte) (*nodePackage, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, jsonError(file, data, err)
	}
	p := &nodePackage{file: file, data: data}
	get := func(key string, into any) { _ = json.Unmarshal(raw[key], into) } // of another type: as if absent
	get("name", &p.Name)
	get("main", &p.Main)
	get("packageManager", &p.PackageManager)
	get("keywords", &p.Keywords)
	get("description", &p.Description)
	p.Scripts, p.Dependencies = textMap(raw["scripts"]), textMap(raw["dependencies"])
	p.DevDependencies, p.Engines, p.Volta = textMap(raw["devDependencies"]), textMap(raw["engines"]), textMap(raw["volta"])
	p.Bin = textMap(raw["bin"])
	var bin string
	if get("bin", &bin); bin != "" {
		p.Bin = map[string]string{path.Base(p.Name): bin}
	}
	if get("workspaces", &p.Workspaces); p.Workspaces == nil {
		var nested struct{ Packages []string }
		get("workspaces", &nested)
		p.Workspaces = nested.Packages
	}
	return p, nil
}

// textMap reads an object, keeping what in it is text.
func textMap(raw json.RawMessage) map[string]string {
	var values map[string]any
	_ = json.Unmarshal(raw, &values)
	texts := map[string]string{}
	for k, v := range values {
		if s, ok := v.(string); ok {
			texts[k] = s
		}
	}
	return texts
}

// jsonError names the line at which a JSON document is broken.
func jsonError(file string, data []byte, err error) error {
	offset := int64(len(data))
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
	}
	return &Error{Source: at(file, lineOf(data, int(offset))), Title: "not valid JSON: " + err.Error(), Err: err}
}

func (p *nodePackage) line(text string) string { return find(p.file, p.data, text) }

// telling reports whether the package says anything of what it is.
func (p *nodePackage) telling() bool {
	return p.Name != "" && (len(p.Scripts) > 0 || len(p.Dependencies) > 0 || p.Main != "" || len(p.Bin) > 0) ||
		p.Scripts["start"] != "" || p.Scripts["build"] != "" || len(p.Dependencies) > 0
}

func (p *nodePackage) uses(name string) bool {
	_, ok := p.Dependencies[name]
	_, dev := p.DevDependencies[name]
	return ok || dev
}

// servesItself reports a dependency by which the package runs a server of its own.
// What Angular renders pages by on a server is there also where it renders all of
// them beforehand.
func (p *nodePackage) servesItself() bool {
	if p.uses("@angular/ssr") {
		return false
	}
	for _, fw := range nodeFrameworks {
		if _, ok := p.Dependencies[fw.dependency]; ok && fw.static == "" {
			return true
		}
	}
	return false
}

// bin returns the program of the package: the one of its own name, else the only one.
func (p *nodePackage) bin() string {
	if own := p.Bin[path.Base(p.Name)]; own != "" {
		return own
	}
	for _, file := range p.Bin {
		if len(p.Bin) == 1 {
			return file
		}
	}
	return ""
}

var servingWords = regexp.MustCompile(`(?i)\b(serve|server|http|rest api|web server)\b`)

// servesByName reports whether a package calls itself a server.
func (p *nodePackage) servesByName() bool {
	return servingWords.MatchString(strings.ReplaceAll(p.Name, "-", " ")) || servingWords.MatchString(p.Description) ||
		slices.ContainsFunc(p.Keywords, servingWords.MatchString)
}

// needsDevelopment reports whether a script runs a program of a development
// dependency.
func (p *nodePackage) needsDevelopment(script string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(script), " ")
	if word == "node" || word == "" {
		return false
	}
	for name := range p.DevDependencies {
		base := path.Base(name)
		if base == word || strings.HasPrefix(name, "@"+word+"/") || strings.HasPrefix(name, "@"+strings.Split(word, "-")[0]+"/") {
			return true
		}
	}
	return slices.Contains([]string{"tsc", "ng", "nest", "ts-node", "tsx", "nodemon"}, word)
}

func (p *nodePackage) mainSource(main string) string {
	if p.Main != "" && strings.HasPrefix(main, path.Clean(strings.TrimSuffix(p.Main, ".js"))) {
		return p.line(`"main"`)
	}
	return path.Join(path.Dir(p.file), main)
}

// published reports whether the folder is a package as a registry hands it
// out: built, without lockfile and without the sources of its build.
func (s *scan) published(p *nodePackage) bool {
	dir := path.Dir(p.file)
	built := p.bin() != "" && s.src.has(path.Join(dir, p.bin())) || p.Main != "" && s.nodeMain(dir, &nodePackage{Main: p.Main}) != ""
	return built && s.lockfile(dir) == "" && !s.src.hasDir(path.Join(dir, "src")) && !s.src.hasDir(path.Join(dir, "source")) &&
		s.src.first(dir, "tsconfig.json", ".gitignore", "package-lock.json") == ""
}

var lockfiles = []struct{ file, manager string }{
	{"pnpm-lock.yaml", "pnpm"}, {"yarn.lock", "yarn"}, {"package-lock.json", "npm"}, {"npm-shrinkwrap.json", "npm"},
}

func (s *scan) lockfile(dir string) string {
	for _, l := range lockfiles {
		if p := path.Join(dir, l.file); s.src.has(p) {
			return p
		}
	}
	return ""
}

// nodeWorkspace sets the folder of the workspace that the package belongs to.
func (s *scan) nodeWorkspace(d *draft, p *nodePackage) error {
	for dir := d.Dir; dir != "."; {
		dir = path.Dir(dir)
		patterns, err := s.workspacePatterns(dir)
		if err != nil {
			return err
		}
		if matchesWorkspace(patterns, relative(d.Dir, dir)) {
			d.Root = dir
		}
	}
	return nil
}

// workspacePatterns returns the globs by which a folder names its packages.
func (s *scan) workspacePatterns(dir string) ([]string, error) {
	if file := path.Join(dir, "pnpm-workspace.yaml"); s.src.has(file) {
		data, err := s.src.manifest(file)
		if err != nil {
			return nil, err
		}
		var w struct{ Packages []string }
		if err := yaml.Unmarshal(data, &w); err != nil {
			return nil, yamlError(file, err)
		}
		return w.Packages, nil
	}
	p, err := s.nodePackage(dir)
	if err != nil || p == nil {
		return nil, err
	}
	return p.Workspaces, nil
}

func matchesWorkspace(patterns []string, rel string) bool {
	match := false
	for _, pattern := range patterns {
		pattern, negated := strings.CutPrefix(pattern, "!")
		pattern = strings.TrimSuffix(strings.TrimPrefix(pattern, "./"), "/")
		if len(pattern) > 200 {
			continue
		}
		if ok, err := regexp.MatchString("^"+globExpression(pattern)+"$", rel); ok && err == nil {
			match = !negated
		}
	}
	return match
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// yamlError names the line at which a YAML document is broken.
func yamlError(file string, err error) error {
	source := file
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		source = fmt.Sprintf("%s:%s", file, m[1])
	}
	return &Error{Source: source, Title: "not valid YAML: " + strings.TrimPrefix(err.Error(), "yaml: "), Err: err}
}

// firstLine returns the first line of a small file that is not a comment.
func (s *scan) firstLine(file string) (string, int) {
	data, err := s.src.manifest(file)
	if err != nil {
		return "", 0
	}
	for i, line := range bytes.Split(data, []byte("\n")) {
		if text := strings.TrimSpace(string(line)); text != "" && !strings.HasPrefix(text, "#") {
			return text, i + 1
		}
	}
	return "", 0
}
