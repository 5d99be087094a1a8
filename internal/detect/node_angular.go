package detect

import (
	"encoding/json"
	"path"
	"regexp"
	"strings"
)

// angularTarget is how angular.json says that a project is built.
type angularTarget struct {
	Builder string
	Options struct {
		OutputPath json.RawMessage // a path, or an object with base and browser
	}
}

type angularProject struct {
	ProjectType string
	Root        string
	Architect   struct{ Build *angularTarget }
	Targets     struct{ Build *angularTarget } // its name in other tools' workspaces
}

func (p angularProject) build() *angularTarget {
	if p.Architect.Build != nil {
		return p.Architect.Build
	}
	return p.Targets.Build
}

var (
	ngBuild      = regexp.MustCompile(`\bng (?:build|b)(?: ([\w@][\w@/.-]*))?`)
	ngOutputPath = regexp.MustCompile(`\bng (?:build|b)\b[^&|;]* --output-path[= ]["']?([^\s"'&|;]+)`)
)

// angularOutput reads the folder that `ng build` writes the pages to out of
// angular.json; "" if that does not tell it.
func (s *scan) angularOutput(dir string, p *nodePackage) (string, string) {
	file := path.Join(dir, "angular.json")
	data, err := s.src.manifest(file)
	if err != nil || data == nil {
		return "", ""
	}
	var workspace struct {
		DefaultProject string
		Projects       map[string]angularProject
	}
	if json.Unmarshal(data, &workspace) != nil {
		return "", ""
	}
	var applications []string
	name := workspace.DefaultProject
	for project, is := range workspace.Projects {
		if is.ProjectType == "library" || is.build() == nil {
			continue
		}
		applications = append(applications, project)
		if name == "" && is.Root == "" {
			name = project // the one that ng takes in this folder
		}
	}
	if m := ngBuild.FindStringSubmatch(p.Scripts["build"]); m != nil && m[1] != "" {
		name = m[1]
	} else if len(applications) == 1 {
		name = applications[0]
	}
	target := workspace.Projects[name].build()
	if target == nil {
		return "", ""
	}
	out, pages := path.Join("dist", name), ""
	if strings.HasSuffix(target.Builder, ":application") {
		pages = "browser" // beside what is for a server
	}
	var stated struct {
		Base    string
		Browser *string
	}
	if json.Unmarshal(target.Options.OutputPath, &stated.Base) != nil {
		_ = json.Unmarshal(target.Options.OutputPath, &stated) // not stated at all: as ng does then
	}
	if stated.Base != "" {
		out = stated.Base
	}
	if stated.Browser != nil {
		pages = *stated.Browser
	}
	source := find(file, data, `"outputPath"`)
	if m := ngOutputPath.FindStringSubmatch(p.Scripts["build"]); m != nil {
		out, source = m[1], p.line(`"build"`)
	}
	out = path.Join(out, pages)
	if path.IsAbs(out) || strings.HasPrefix(out, "..") {
		return "", ""
	}
	return out, source
}
