package detect

import (
	"path"
	"strings"
)

// unsupportedManifests tells languages that are recognised only.
var unsupportedManifests = []struct{ file, language string }{
	{"pom.xml", "Java"}, {"build.gradle", "Java"}, {"build.gradle.kts", "Kotlin"}, {"Gemfile", "Ruby"}, {"composer.json", "PHP"},
	{"index.php", "PHP"}, {"Cargo.toml", "Rust"}, {"mix.exs", "Elixir"}, {"deno.json", "Deno"}, {"deno.jsonc", "Deno"},
	{"build.sbt", "Scala"}, {"pubspec.yaml", "Dart"}, {"Package.swift", "Swift"}, {"project.clj", "Clojure"}, {"CMakeLists.txt", "C or C++"},
}

// unsupported tells the language of a folder that no entry of languages took.
func (s *scan) unsupported(dir string) *Unsupported {
	language, source := "", ""
	for _, m := range unsupportedManifests {
		if p := path.Join(dir, m.file); s.src.has(p) {
			language, source = m.language, p
			break
		}
	}
	if source == "" {
		for _, name := range s.src.dirs[dir] {
			if ext := path.Ext(name); ext == ".csproj" || ext == ".fsproj" || ext == ".sln" {
				language, source = ".NET", path.Join(dir, name)
				break
			}
		}
	}
	if source == "" {
		return nil
	}
	return &Unsupported{Dir: dir, Language: language, Source: source, Next: []string{
		"add a Procfile that starts what is already built, such as  web: ./bin/server --port $PORT",
		"or give the folder of a component in Go, Node, Python or static files",
	}}
}

// partOf reports whether a folder lies in one that was already reported.
func (s *scan) partOf(dir string, reported []Unsupported) bool {
	for _, u := range reported {
		if within(dir, u.Dir) {
			return true
		}
	}
	return false
}

// Lacks says what a library would need to be run, and how it gets that.
func (c Component) Lacks() (what string, next []string) {
	procfile := "or add a Procfile with a line such as  web: ./start --port $PORT"
	switch c.Language {
	case "go":
		return "no main package", []string{"add a main package, such as " + path.Join(c.Dir, "cmd", c.Name, "main.go"), procfile}
	case "node":
		return "no start script and no main file that serves",
			[]string{"add a start script to " + path.Join(c.Dir, "package.json") + `, such as  "start": "node server.js"`, procfile}
	case "python":
		return "no command, no application and no main.py",
			[]string{"name a command in " + path.Join(c.Dir, "pyproject.toml") + " under [project.scripts], or add a main.py", procfile}
	}
	return "nothing that starts it", []string{strings.TrimPrefix(procfile, "or ")}
}
