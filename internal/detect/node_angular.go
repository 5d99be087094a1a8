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
		OutputPath json.RawMessage // a path, or an object with base, browser and server
		OutputMode string          // static or server; older ones have no such option
		SSR        json.RawMessage // false, true or an object
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

// rendersOnServer reports whether the build makes a program that renders pages
// for each request.
func (t *angularTarget) rendersOnServer() bool {
	asked := len(t.Options.SSR) > 0 && string(t.Options.SSR) != "false" && string(t.Options.SSR) != "null"
	return asked && t.Options.OutputMode != "static" && strings.HasSuffix(t.Builder, ":application")
}

// angularPages reads out of angular.json where `ng build` writes the pages, or the
// program that renders them; it finds none where something else than ng builds.
func (s *scan) angularPages(dir string, p *nodePackage) (nodePages, bool) {
	file := path.Join(dir, "angular.json")
	data, err := s.src.manifest(file)
	if err != nil || data == nil {
		return nodePages{}, false
	}
	var workspace struct {
		DefaultProject string
		Projects       map[string]angularProject
	}
	if json.Unmarshal(data, &workspace) != nil {
		return nodePages{}, false
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
		return nodePages{}, false
	}
	out, pages, server := path.Join("dist", name), "", "server"
	if strings.HasSuffix(target.Builder, ":application") {
		pages = "browser" // beside what is for a server
	}
	var paths struct {
		Base            string
		Browser, Server *string
	}
	if json.Unmarshal(target.Options.OutputPath, &paths.Base) != nil {
		_ = json.Unmarshal(target.Options.OutputPath, &paths) // not stated at all: as ng does then
	}
	if paths.Base != "" {
		out = paths.Base
	}
	if paths.Browser != nil {
		pages = *paths.Browser
	}
	if paths.Server != nil {
		server = *paths.Server
	}
	source := find(file, data, `"outputPath"`)
	if m := ngOutputPath.FindStringSubmatch(p.Scripts["build"]); m != nil {
		out, source = m[1], p.line(`"build"`)
	}
	found := nodePages{folder: path.Join(out, pages), source: source, confidence: stated}
	if target.rendersOnServer() {
		found = nodePages{server: path.Join(out, server, "server.mjs"), source: find(file, data, `"ssr"`), confidence: stated}
	}
	if at := found.folder + found.server; path.IsAbs(at) || strings.HasPrefix(at, "..") {
		return nodePages{}, false
	}
	return found, true
}
