package build

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/testenv"
)

const (
	goModule = "module example.org/x\n\ngo 1.21\n"
	nothing  = "http://127.0.0.1:1" // where nobody listens
)

// TestCausesOfRealTools makes the tools of this machine fail, one way each.
func TestCausesOfRealTools(t *testing.T) {
	goBuild, npm := []string{"go", "build", "-o", "out", "."}, func(args ...string) []string { return append([]string{"npm"}, args...) }
	pip := []string{"python3", "-m", "pip", "install", "--retries", "1", "--target", "out"}
	locked := `{"name":"x","version":"1.0.0","lockfileVersion":3,"requires":true,"packages":{"":{"name":"x","version":"1.0.0"}}}`
	tests := []struct {
		name    string
		tools   []string
		files   map[string]string
		argv    []string
		env     map[string]string
		cause   string
		summary string // part of it
	}{
		{"Go: module not required", []string{"go"}, map[string]string{"go.mod": goModule, "main.go": "package main\n\nimport _ \"example.com/none/x\"\n\nfunc main() {}\n"},
			goBuild, nil, "module-missing", "main.go:3 imports example.com/none/x"},
		{"Go: not in std", []string{"go"}, map[string]string{"go.mod": goModule, "main.go": "package main\n\nimport _ \"none/x\"\n\nfunc main() {}\n"},
			goBuild, nil, "module-missing", "main.go:3 imports none/x"},
		{"Go: does not compile", []string{"go"}, map[string]string{"go.mod": goModule, "main.go": "package main\n\nfunc main() {\n\tx := y\n}\n"},
			goBuild, nil, "compile-error", "main.go:4: "},
		{"Go: in a package", []string{"go"}, map[string]string{"go.mod": goModule, "main.go": "package main\n\nimport _ \"example.org/x/sub\"\n\nfunc main() {}\n", "sub/sub.go": "package sub\n\nvar X int = \"\"\n"},
			goBuild, nil, "compile-error", "sub/sub.go:3: cannot use"},
		{"Go: syntax", []string{"go"}, map[string]string{"go.mod": goModule, "main.go": "package main\n\nfunc main() {\n"},
			goBuild, nil, "syntax-error", "main.go:"},
		{"Go: syntax of go.mod", []string{"go"}, map[string]string{"go.mod": goModule + "requires x\n", "main.go": "package main\n\nfunc main() {}\n"},
			goBuild, nil, "syntax-error", "go.mod:4"},
		{"Go: no go.sum", []string{"go"}, map[string]string{"go.mod": goModule + "require example.com/none v1.0.0\n", "main.go": "package main\n\nimport _ \"example.com/none\"\n\nfunc main() {}\n"},
			goBuild, map[string]string{"GOFLAGS": "-mod=readonly", "GOPROXY": "off"}, "lockfile-outdated", "go.sum"},
		{"Go: vendor", []string{"go"}, map[string]string{"go.mod": goModule + "require example.com/none v1.0.0\n", "main.go": "package main\n\nimport _ \"example.com/none\"\n\nfunc main() {}\n", "vendor/modules.txt": "# x\n"},
			goBuild, map[string]string{"GOFLAGS": "-mod=vendor"}, "vendor-outdated", "vendor"},
		{"Go: no network", []string{"go"}, map[string]string{"go.mod": goModule, "main.go": "package main\n\nfunc main() {}\n"},
			[]string{"go", "get", "example.com/none@v1.0.0"}, map[string]string{"GOPROXY": nothing, "GOFLAGS": ""}, "no-network", "network"},
		{"Go: newer Go", []string{"go"}, map[string]string{"go.mod": "module x\n\ngo 1.999\n", "main.go": "package main\n\nfunc main() {}\n"},
			goBuild, map[string]string{"GOTOOLCHAIN": "local"}, "version", "Go 1.999"},
		{"Go: no C compiler", []string{"go"}, map[string]string{"go.mod": goModule, "main.go": "package main\n\nimport \"C\"\n\nfunc main() {}\n"},
			goBuild, map[string]string{"CGO_ENABLED": "1", "CC": "no-such-cc", "GOFLAGS": ""}, "compiler-missing", "no compiler"},

		{"npm: lockfile outdated", []string{"npm"}, map[string]string{"package.json": `{"name":"x","version":"1.0.0","dependencies":{"y":"file:./y"}}`, "package-lock.json": locked, "y/package.json": `{"name":"y","version":"1.0.0"}`},
			npm("ci"), nil, "lockfile-outdated", "package-lock.json"},
		{"npm: no lockfile", []string{"npm"}, map[string]string{"package.json": `{"name":"x","version":"1.0.0"}`},
			npm("ci"), nil, "lockfile-missing", "package-lock.json"},
		{"npm: no network", []string{"npm"}, map[string]string{"package.json": `{"name":"x","version":"1.0.0","dependencies":{"no-such-package-at-all":"1.0.0"}}`},
			npm("install", "--registry", nothing, "--fetch-retries", "0"), nil, "no-network", "network"},
		{"npm: no script", []string{"npm"}, map[string]string{"package.json": `{"name":"x","version":"1.0.0"}`},
			npm("run", "build"), nil, "script-missing", "no script build"},
		{"npm: no JSON", []string{"npm"}, map[string]string{"package.json": `{"name":"x",}`},
			npm("install"), nil, "syntax-error", "package.json"},
		{"npm: program of a script", []string{"npm"}, map[string]string{"package.json": `{"name":"x","version":"1.0.0","scripts":{"build":"no-such-tool --x"}}`},
			npm("run", "build"), nil, "tool-missing", "no-such-tool"},
		{"node: module", []string{"node"}, map[string]string{"a.js": "require('none-such')\n"},
			[]string{"node", "a.js"}, nil, "module-missing", "none-such"},
		{"node: ES module", []string{"node"}, map[string]string{"a.mjs": "import x from 'none-such'\n"},
			[]string{"node", "a.mjs"}, nil, "module-missing", "none-such"},
		{"node: syntax", []string{"node"}, map[string]string{"a.js": "const a = 1\nconst = 2\n"},
			[]string{"node", "a.js"}, nil, "syntax-error", "a.js:2"},
		{"node: memory", []string{"node"}, map[string]string{"a.js": "let a = []; for (;;) a.push(new Array(1e5).fill(a.length))\n"},
			[]string{"node", "--max-old-space-size=20", "a.js"}, nil, "out-of-memory", "memory"},

		{"pip: no network", []string{"python3"}, map[string]string{"requirements.txt": "no-such-package-at-all==1.0\n"},
			append(slices.Clone(pip), "-r", "requirements.txt", "--index-url", nothing), nil, "no-network", "network"},
		{"pip: no such version", []string{"python3"}, map[string]string{"requirements.txt": "no-such-package-at-all==1.0\n"},
			append(slices.Clone(pip), "-r", "requirements.txt", "--no-index"), nil, "module-missing", "no-such-package-at-all==1.0"},
		{"pip: no requirements.txt", []string{"python3"}, map[string]string{"a": ""},
			append(slices.Clone(pip), "-r", "requirements.txt"), nil, "file-missing", "requirements.txt"},
		{"pip: other Python", []string{"python3"}, map[string]string{"greet-1.0-py3-none-any.whl": wheel(t, "greet", "Requires-Python: >=99\n")},
			append(slices.Clone(pip), "--no-index", "./greet-1.0-py3-none-any.whl"), nil, "version", "not in '>=99'"},
		{"Python: syntax", []string{"python3"}, map[string]string{"sub/a.py": "x = 1\nif x\n  pass\n"},
			[]string{"python3", "sub/a.py"}, nil, "syntax-error", "sub/a.py:2"},
		{"Python: module", []string{"python3"}, map[string]string{"a.py": "def f():\n  import none_such\nf()\n"},
			[]string{"python3", "a.py"}, nil, "module-missing", "none_such"},
		{"shell: permission", nil, map[string]string{"a": ""}, []string{"sh", "-c", "echo 'cp: cannot open /root/x: Permission denied' >&2; exit 1"}, nil, "permission", "read or written"},
	}
	b := newBuilder(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			testenv.Need(t, test.tools...)
			plan := Plan{Output: Output{Bundle, "."}, Steps: []Command{{Argv: test.argv, Env: test.env}}}
			for _, tool := range test.tools {
				if tool == "npm" {
					plan.Toolchain = append(plan.Toolchain, Tool{Name: "node"})
				}
				plan.Toolchain = append(plan.Toolchain, Tool{Name: tool})
			}
			var log bytes.Buffer
			_, err := b.Build(t.Context(), request(t, test.files, plan), &log)
			var failed *Error
			if !errors.As(err, &failed) {
				t.Fatalf("err = %v\n%s", err, log.String())
			}
			if failed.Cause != test.cause || !strings.Contains(failed.Summary, test.summary) || len(failed.Next) == 0 {
				t.Errorf("cause %q: %q, next %q; want %q: %q\n%s", failed.Cause, failed.Summary, failed.Next, test.cause, test.summary, log.String())
			}
			if strings.Contains(failed.Summary, b.opts.Dir) || strings.Contains(strings.Join(failed.Next, " "), b.opts.Dir) {
				t.Errorf("the build's own folder shows: %q %q", failed.Summary, failed.Next)
			}
		})
	}
}

// TestCausesOfRecordedOutput covers what cannot be had at will: each file in
// testdata/causes holds the last lines of a failed tool.
func TestCausesOfRecordedOutput(t *testing.T) {
	want := map[string]string{
		"gcc-missing.txt": "compiler-missing", "gyp-no-make.txt": "compiler-missing", "header.txt": "header-missing", "disk-full-npm.txt": "disk-full", "disk-full-go.txt": "disk-full",
		"eresolve.txt": "dependency-conflict", "pip-conflict.txt": "dependency-conflict", "e404.txt": "module-missing", "etarget.txt": "module-missing", "e401.txt": "not-authorised", "private-git.txt": "not-authorised",
		"pnpm-frozen.txt": "lockfile-outdated", "yarn-frozen.txt": "lockfile-outdated", "certificate-go.txt": "certificate", "certificate-npm.txt": "certificate", "certificate-pip.txt": "certificate",
		"tsc.txt": "compile-error", "vite-unresolved.txt": "module-missing", "go-killed.txt": "out-of-memory", "engine.txt": "version", "dev-engines.txt": "version", "integrity.txt": "checksum-mismatch", "go-checksum.txt": "checksum-mismatch",
	}
	files, err := filepath.Glob("testdata/causes/*.txt")
	must(t, err)
	var have []string
	for _, file := range files {
		have = append(have, filepath.Base(file))
		data, err := os.ReadFile(file)
		must(t, err)
		name, summary, next := explain("/builds/x/app", strings.Split(strings.TrimSpace(string(data)), "\n"))
		if name != want[filepath.Base(file)] || summary == "" || len(next) == 0 || strings.Contains(summary+strings.Join(next, ""), "$") {
			t.Errorf("%s: %q %q %q, want %q", file, name, summary, next, want[filepath.Base(file)])
		}
	}
	if wanted := slices.Sorted(maps.Keys(want)); !slices.Equal(wanted, have) {
		t.Errorf("files %v, want %v", have, wanted)
	}
}

func TestWhatAnImportDoesNotFind(t *testing.T) {
	const modules = "[submodule \"realworld\"]\n\tpath = realworld\n\turl = https://example.com/realworld\n"
	for name, test := range map[string]struct {
		files      map[string]string
		line       string
		cause      string
		says, next string
	}{
		"package":           {nil, `Cannot find module 'chart.js'`, "module-missing", "the module chart.js is not", "npm install chart.js "},
		"part of a package": {nil, `Module not found: Error: Can't resolve '@mui/material/Box'`, "module-missing", "@mui/material/Box is not", "npm install @mui/material "},
		"file of a package": {nil, `Could not resolve "bootstrap/dist/bootstrap.css"`, "file-missing", "bootstrap/dist/bootstrap.css", "npm install bootstrap "},
		"relative":          {nil, `Failed to resolve import "./part" from "src/main.js".`, "file-missing", "missing: ./part", "committed"},
		"submodule": {map[string]string{".gitmodules": modules}, `[ERROR] Could not resolve "realworld/assets/theme/styles.css"`,
			"submodule-missing", "realworld is a Git submodule", "git submodule update --init"},
		"submodule that is there": {map[string]string{".gitmodules": modules, "realworld/a": ""}, `Could not resolve "realworld/b.css"`,
			"file-missing", "realworld/b.css", "committed"},
		"another submodule": {map[string]string{".gitmodules": modules}, `Could not resolve "react"`, "module-missing", "react", "git submodule update --init"},
	} {
		root := t.TempDir()
		for file, text := range test.files {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		e := failure(root, Command{Argv: []string{"npm"}}, exit{code: 1}, []string{test.line}, nil)
		if next := strings.Join(e.Next, "\n"); e.Cause != test.cause || !strings.Contains(e.Summary, test.says) || !strings.Contains(next, test.next) {
			t.Errorf("%s: %s: %q, %q", name, e.Cause, e.Summary, next)
		}
	}
}
