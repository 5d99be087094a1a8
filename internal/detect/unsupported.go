package detect

import "path"

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
