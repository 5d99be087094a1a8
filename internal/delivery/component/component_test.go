package component

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/problem"
)

// A folder in which nothing can run is refused with what would make it run.
func TestNothingToRun(t *testing.T) {
	for what, test := range map[string]struct {
		source    fstest.MapFS
		why, next string
	}{
		"a Go module without a program": {
			fstest.MapFS{"go.mod": {Data: []byte("module example.com/fruit\n")}, "fruit.go": {Data: []byte("package fruit\n")}},
			"fruit is a library: it has no main package", "add a main package, such as cmd/fruit/main.go",
		},
		"a package without a start": {
			fstest.MapFS{"lib/package.json": {Data: []byte(`{"name": "fruit", "dependencies": {"lodash": "4"}}`)}},
			"lib: fruit is a library: it has no start script", `add a start script to lib/package.json, such as  "start": "node server.js"`,
		},
		"a Python project without a command": {
			fstest.MapFS{"pyproject.toml": {Data: []byte("[project]\nname = \"fruit\"\nversion = \"1\"\n[build-system]\nrequires = []\n")}},
			"fruit is a library: it has no command", "name a command in pyproject.toml under [project.scripts]",
		},
	} {
		result, err := detect.Detect(t.Context(), test.source, detect.Options{})
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		_, err = Choose(result, "")
		told := problem.From(err)
		next := strings.Join(told.Next, "\n")
		if told.Kind != problem.Invalid || !strings.Contains(strings.Join(told.Why, "\n"), test.why) || !strings.Contains(next, test.next) ||
			!strings.Contains(next, "Procfile") || !strings.Contains(next, "metadata: {name: fruit, owner: TEAM}, spec: {type: library}}' | stoa apply -f -") {
			t.Errorf("%s: told is %v, why %q, next %q", what, told, told.Why, next)
		}
	}
}
