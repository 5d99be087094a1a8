package build

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// program writes an executable that counts its runs and answers with lines.
func program(t testing.TB, path string, answer ...string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	script := "#!/bin/sh\necho x >> " + shellQuote(path+".runs") + "\n"
	for _, line := range answer {
		script += "echo " + shellQuote(line) + "\n"
	}
	must(t, os.WriteFile(path, []byte(script), 0o755))
}

func python(t testing.TB, path, version string, more ...string) {
	program(t, path, append([]string{version, path}, more...)...)
}

func TestChoosesWhatTheSourceAsksFor(t *testing.T) {
	home := t.TempDir()
	t.Setenv("PYENV_ROOT", "")
	bin, versions := filepath.Join(home, "bin"), filepath.Join(home, ".pyenv/versions")
	at := func(version string) string { return filepath.Join(versions, version, "bin/python3") }
	python(t, filepath.Join(bin, "python3"), "3.11.7")
	python(t, filepath.Join(bin, "python3.14"), "3.14.0", "No module named 'ensurepip'")
	python(t, at("3.9.18"), "3.9.18")
	python(t, at("3.12.1"), "3.12.1")
	python(t, at("3.13.0"), "3.13.0")
	must(t, os.WriteFile(filepath.Join(bin, "python3.10"), []byte("#!/bin/sh\nexit 127\n"), 0o755))
	chain := &toolchain{prober: newProber(filepath.Join(home, "probes.json")), dir: home, home: home}

	for want, path := range map[string]string{
		"": filepath.Join(bin, "python3"), ">=3.9": filepath.Join(bin, "python3"), ">=3.12": at("3.13.0"), "3.12": at("3.12.1"), "<3.10": at("3.9.18"),
	} {
		tools, err := chain.resolve(t.Context(), []Tool{{"python3", want}}, bin, func(string) {})
		must(t, err)
		if tools[0].Path != path {
			t.Errorf("python %q: chose %s %s, want %s", want, tools[0].Version, tools[0].Path, path)
		}
	}
	_, err := chain.resolve(t.Context(), []Tool{{"python3", ">=3.14"}}, bin, func(string) {})
	var p *problem.Problem
	if !errors.As(err, &p) || p.Kind != problem.Failed {
		t.Fatalf("err = %v", err)
	}
	told := p.Title + "\n" + strings.Join(p.Why, "\n") + "\n" + strings.Join(p.Next, "\n")
	for _, want := range []string{"Python >=3.14", filepath.Join(bin, "python3") + " is 3.11.7", "cannot make virtual environments: No module named 'ensurepip'", "3.14"} {
		if !strings.Contains(told, want) {
			t.Errorf("%q does not say %q", told, want)
		}
	}
}

func TestToolsAreAskedOnce(t *testing.T) {
	home := t.TempDir()
	bin := filepath.Join(home, "bin")
	path := filepath.Join(bin, "thing")
	program(t, path, "thing version 4.2.1 (built today)")
	version := func() string {
		// A new prober each time, as a new process has.
		chain := &toolchain{prober: newProber(filepath.Join(home, "probes.json")), dir: home, home: home}
		tools, err := chain.resolve(t.Context(), []Tool{{"thing", "^4"}}, bin, func(string) {})
		must(t, err)
		return tools[0].Version
	}
	for range 3 {
		if got := version(); got != "4.2.1" {
			t.Errorf("version = %s", got)
		}
	}
	if runs := read(t, path+".runs"); runs != "x\n" {
		t.Errorf("asked %d times", len(runs)/2)
	}
	program(t, path, "thing version 4.10.0")
	if got := version(); got != "4.10.0" {
		t.Errorf("after an upgrade: version = %s", got)
	}
	must(t, os.WriteFile(filepath.Join(home, "probes.json"), []byte("{damaged"), 0o600))
	if got := version(); got != "4.10.0" {
		t.Errorf("with a damaged cache: version = %s", got)
	}
}

func TestGoMaySwitchToTheVersionWanted(t *testing.T) {
	testenv.Need(t, "go")
	b := newBuilder(t)
	req := request(t, map[string]string{"a": ""}, shellPlan("true"))
	req.Plan.Toolchain = []Tool{{"go", ">=1.999"}}

	t.Setenv("GOTOOLCHAIN", "local")
	_, err := b.Build(t.Context(), req, io.Discard)
	if !problem.Is(err, problem.Failed) || !strings.Contains(err.Error(), "lacks Go >=1.999") {
		t.Errorf("local: err = %v", err)
	}
	t.Setenv("GOTOOLCHAIN", "auto")
	var log bytes.Buffer
	a, err := b.Build(t.Context(), req, &log)
	must(t, err)
	if a.Tools[0].Version != "1.999" || !strings.Contains(log.String(), "fetches 1.999") {
		t.Errorf("auto: tools = %+v, log %q", a.Tools, log.String())
	}
}

func TestUnreadableRequirementIsTold(t *testing.T) {
	testenv.Need(t, "node")
	b := newBuilder(t)
	plan := shellPlan("node -p 1+1")
	plan.Toolchain = []Tool{{"node", "lts/unknown"}}
	var log bytes.Buffer
	_, err := b.Build(t.Context(), request(t, map[string]string{"a": ""}, plan), &log)
	must(t, err)
	if !strings.Contains(log.String(), `"lts/unknown"`) {
		t.Errorf("log = %q", log.String())
	}
}

// Real managers of versions hide behind shims; what is chosen is the program
// itself, which works with the build's own home.
func TestRealToolsAreFoundBehindShims(t *testing.T) {
	testenv.Need(t, "go", "node", "npm", "python3")
	b := newBuilder(t)
	plan := shellPlan("go version; node --version; npm --version; python3 -c 'import sys; print(sys.executable)'")
	plan.Toolchain = []Tool{{"go", ""}, {"node", ""}, {"npm", ""}, {"python3", ""}}
	var log bytes.Buffer
	a, err := b.Build(t.Context(), request(t, map[string]string{"a": ""}, plan), &log)
	must(t, err)
	for _, tool := range a.Tools {
		if strings.Contains(tool.Path, "/shims/") || !filepath.IsAbs(tool.Path) || tool.Version == "" {
			t.Errorf("tool = %+v", tool)
		}
		if tool.Name == "python3" && !strings.HasSuffix(log.String(), fmt.Sprintf("\n%s\n", tool.Path)) {
			t.Errorf("log %q does not end in %s", log.String(), tool.Path)
		}
	}
}
