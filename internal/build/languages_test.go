package build

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/testenv"
)

// These build small services in the real languages without a registry: all
// that they depend on lies in their source.

func built(t *testing.T, files map[string]string, plan Plan) Artifact {
	t.Helper()
	b := newBuilder(t)
	var log bytes.Buffer
	a, err := b.Build(t.Context(), request(t, files, plan), &log)
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	return a
}

// ran starts a command in the artifact as a runtime would, with nothing of the
// build's environment left.
func ran(t *testing.T, a Artifact, argv ...string) string {
	t.Helper()
	if !filepath.IsAbs(argv[0]) && strings.Contains(argv[0], "/") {
		argv[0] = filepath.Join(a.Dir, argv[0])
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = a.Dir, []string{"PATH=/usr/bin:/bin", "HOME=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestBuildGo(t *testing.T) {
	testenv.Need(t, "go")
	files := map[string]string{
		"go.mod":             "module example.org/shop\n\ngo 1.21\n",
		"cmd/shop/main.go":   "package main\n\nimport (\"os\"; \"example.org/shop/text\")\n\nfunc main() { b, _ := os.ReadFile(\"templates/t\"); println(text.Hello + string(b)) }\n",
		"text/text.go":       "package text\n\nconst Hello = \"hello, \"\n",
		"templates/t":        "template",
		"cmd/shop/x_test.go": "package main\n",
	}
	plan := Plan{
		Language: "go", Output: Output{Binary, ".out/shop"}, Toolchain: []Tool{{"go", ">=1.21"}},
		Steps: []Command{{Argv: []string{"go", "build", "-trimpath", "-buildvcs=false", "-o", ".out/shop", "./cmd/shop"}, Env: map[string]string{"CGO_ENABLED": "0"}}},
	}
	a := built(t, files, plan)
	if got := ran(t, a, a.Path); got != "hello, template" {
		t.Errorf("it says %q", got)
	}
	if _, err := os.Stat(filepath.Join(a.Dir, "text")); err == nil {
		t.Error("code stayed in the artifact")
	}
	if same := built(t, files, plan); same.Content != a.Content || same.Digest != a.Digest {
		t.Errorf("the same source elsewhere is %s, was %s", same.Content, a.Content)
	}

	b := newBuilder(t)
	req := request(t, files, plan)
	req.Platform = "linux/arm64"
	if thisPlatform() == req.Platform {
		req.Platform = "linux/amd64"
	}
	foreign, err := b.Build(t.Context(), req, io.Discard)
	must(t, err)
	if foreign.Digest == a.Digest || foreign.Platform != req.Platform {
		t.Errorf("for another platform: %+v", foreign)
	}
	machine := map[string]byte{"linux/arm64": 183, "linux/amd64": 62}[req.Platform] // e_machine of ELF
	if elf := read(t, filepath.Join(foreign.Dir, foreign.Path)); elf[18] != machine {
		t.Errorf("built for machine %d, want %d", elf[18], machine)
	}
}

func TestBuildNode(t *testing.T) {
	testenv.Need(t, "node", "npm")
	a := built(t, map[string]string{
		"package.json":       `{"name":"shop","version":"1.0.0","private":true,"scripts":{"build":"greet > greeting.txt"},"dependencies":{"greet":"file:./greet"}}`,
		"greet/package.json": `{"name":"greet","version":"1.0.0","bin":{"greet":"cli.js"},"main":"index.js"}`,
		"greet/cli.js":       "#!/usr/bin/env node\nconsole.log(require('./index.js'))\n",
		"greet/index.js":     "module.exports = 'hello from node'\n",
		"server.js":          "console.log(require('fs').readFileSync('greeting.txt', 'utf8') + require('greet'))\n",
	}, Plan{
		Language: "node", Output: Output{Bundle, "."}, Toolchain: []Tool{{"node", ">=14"}, {"npm", ""}},
		Steps: []Command{{Argv: []string{"npm", "install", "--no-audit", "--no-fund"}}, {Argv: []string{"npm", "run", "build"}}},
	})
	if got := ran(t, a, a.Tools[0].Path, "server.js"); got != "hello from node\nhello from node" {
		t.Errorf("it says %q", got)
	}
}

// wheel is a Python package ready to install, with a console script.
func wheel(t *testing.T, name, requiresPython string) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	info := name + "-1.0.dist-info/"
	for file, content := range map[string]string{
		name + "/__init__.py":     "import sys\ndef main(): print('hello from python', sys.argv[1:])\n",
		info + "METADATA":         "Metadata-Version: 2.1\nName: " + name + "\nVersion: 1.0\n" + requiresPython,
		info + "WHEEL":            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		info + "entry_points.txt": "[console_scripts]\n" + name + " = " + name + ":main\n",
		info + "RECORD":           "",
	} {
		f, err := w.Create(file)
		must(t, err)
		_, err = io.WriteString(f, content)
		must(t, err)
	}
	must(t, w.Close())
	return out.String()
}

// An environment of Python holds the absolute path it was made at: its console
// scripts must run from where the artifact stays.
func TestBuildPython(t *testing.T) {
	testenv.Need(t, "python3")
	a := built(t, map[string]string{"greet-1.0-py3-none-any.whl": wheel(t, "greet", ""), "app.py": "import greet\ngreet.main()\n"}, Plan{
		Language: "python", Output: Output{Bundle, "."}, Toolchain: []Tool{{"python3", ">=3.8"}},
		Steps: []Command{
			{Argv: []string{"python3", "-m", "venv", ".venv"}},
			{Argv: []string{".venv/bin/python", "-m", "pip", "install", "--no-index", "./greet-1.0-py3-none-any.whl"}},
		},
	})
	if got := ran(t, a, ".venv/bin/greet", "x"); got != "hello from python ['x']" {
		t.Errorf("console script says %q", got)
	}
	if got := ran(t, a, ".venv/bin/python", "app.py"); got != "hello from python []" {
		t.Errorf("program says %q", got)
	}
	config := read(t, filepath.Join(a.Dir, ".venv/pyvenv.cfg"))
	if strings.Contains(config, "/work/") && strings.Contains(config, hexOf(a.Digest)+"/bin") {
		t.Errorf("the environment refers to the temporary folder:\n%s", config)
	}
}
