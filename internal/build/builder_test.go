package build

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// clock is a time that tests move.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time {
	return time.Unix(1_700_000_000, 0).Add(time.Duration(c.ahead.Load()))
}
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

func newBuilder(t testing.TB) *Builder {
	t.Helper()
	b, err := NewBuilder(Options{Dir: filepath.Join(t.TempDir(), "builds")})
	must(t, err)
	t.Cleanup(b.Close)
	return b
}

// sourceOf writes a source and names it by its content.
func sourceOf(t testing.TB, files map[string]string) (dir, digest string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		mode := os.FileMode(0o644)
		if strings.HasPrefix(content, "#!") {
			mode = 0o755
		}
		must(t, os.WriteFile(path, []byte(content), mode))
	}
	digest, _, err := digestTree(t.Context(), dir)
	must(t, err)
	return dir, digest
}

// shellPlan is a bundle made by lines of shell.
func shellPlan(lines ...string) Plan {
	plan := Plan{Language: "shell", Output: Output{Kind: Bundle, Path: "."}}
	for _, line := range lines {
		plan.Steps = append(plan.Steps, Command{Shell: line})
	}
	return plan
}

func request(t testing.TB, files map[string]string, plan Plan) Request {
	t.Helper()
	dir, digest := sourceOf(t, files)
	return Request{Dir: dir, Source: digest, Plan: plan}
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	return string(data)
}

// isEmpty checks that nothing of any build is left, finished or not.
func isEmpty(t testing.TB, b *Builder) {
	t.Helper()
	for _, sub := range []string{"artifacts", "work", "locks"} {
		entries, err := os.ReadDir(filepath.Join(b.opts.Dir, sub))
		must(t, err)
		for _, e := range entries {
			t.Errorf("left behind: %s/%s", sub, e.Name())
		}
	}
}

// poll waits for something that another process does.
func poll(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestBuildKeepsWhatTheStepsMadeAndLeavesTheSourceAlone(t *testing.T) {
	b := newBuilder(t)
	req := request(t, map[string]string{"in.txt": "one\n", "sub/run.sh": "#!/bin/sh\ncat ../in.txt\n"},
		shellPlan("echo two >> in.txt", "sub/run.sh || (cd sub && ./run.sh)"))
	var log bytes.Buffer
	got, err := b.Build(t.Context(), req, &log)
	must(t, err)
	if got.Cached || got.Kind != Bundle || got.Path != "." || got.Source != req.Source || got.Platform != thisPlatform() || got.Size == 0 || !isDigest(got.Content) {
		t.Errorf("artifact = %+v", got)
	}
	if text := read(t, filepath.Join(got.Dir, "in.txt")); text != "one\ntwo\n" {
		t.Errorf("in.txt = %q", text)
	}
	if text := read(t, filepath.Join(req.Dir, "in.txt")); text != "one\n" {
		t.Errorf("the source was written to: %q", text)
	}
	if want := "$ echo two >> in.txt\n"; !strings.HasPrefix(log.String(), want) || !strings.HasSuffix(log.String(), "one\ntwo\n") {
		t.Errorf("log = %q", log.String())
	}
	kept, err := got.OpenLog()
	must(t, err)
	defer kept.Close()
	if data, _ := io.ReadAll(kept); string(data) != log.String() {
		t.Errorf("kept log = %q, want what was streamed", data)
	}
	again, err := b.Build(t.Context(), req, io.Discard)
	must(t, err)
	if !again.Cached || again.Digest != got.Digest || !again.BuiltAt.Equal(got.BuiltAt) {
		t.Errorf("again = %+v", again)
	}
	if byDigest, err := b.Get(got.Digest); err != nil || byDigest.Dir != got.Dir {
		t.Errorf("Get = %+v, %v", byDigest, err)
	}
	if _, err := b.Get("sha256:" + strings.Repeat("0", 64)); !problem.Is(err, problem.NotFound) {
		t.Errorf("Get of none: %v", err)
	}
	if _, err := b.Get("sha256:../../x"); !problem.Is(err, problem.NotFound) {
		t.Errorf("Get of no digest: %v", err)
	}
}

func TestKeyHoldsAllThatDecidesTheResult(t *testing.T) {
	base := func() Request {
		return Request{Source: "sha256:" + strings.Repeat("1", 64), Platform: "linux/amd64", Plan: Plan{Language: "go",
			Steps: []Command{{Argv: []string{"go", "build"}, Env: map[string]string{"A": "1", "B": "2"}}}, Output: Output{Binary, "x"}, Toolchain: []Tool{{"go", "1.26"}}}}
	}
	tools := []tool{{FoundTool: FoundTool{Name: "go", Version: "1.26.1", Path: "/usr/bin/go"}}}
	key := func(r Request, tools []tool) string {
		k, err := r.key(tools)
		must(t, err)
		return k
	}
	want := key(base(), tools)
	if key(base(), []tool{{FoundTool: FoundTool{Name: "go", Version: "1.26.1", Path: "/elsewhere/go"}}}) != want {
		t.Error("the path of a tool decides")
	}
	changes := map[string]func(*Request){
		"source":   func(r *Request) { r.Source = "sha256:" + strings.Repeat("2", 64) },
		"platform": func(r *Request) { r.Platform = "linux/arm64" },
		"argument": func(r *Request) { r.Plan.Steps[0].Argv[1] = "vet" },
		"shell":    func(r *Request) { r.Plan.Steps[0] = Command{Shell: "go build"} },
		"env":      func(r *Request) { r.Plan.Steps[0].Env["A"] = "2" },
		"dir":      func(r *Request) { r.Plan.Steps[0].Dir = "x" },
		"output":   func(r *Request) { r.Plan.Output.Path = "y" },
		"order":    func(r *Request) { r.Plan.Steps = append([]Command{{Shell: "true"}}, r.Plan.Steps...) },
	}
	seen := map[string]string{want: "nothing"}
	for name, change := range changes {
		r := base()
		change(&r)
		k := key(r, tools)
		if other, ok := seen[k]; ok {
			t.Errorf("%s gives the key of %s", name, other)
		}
		seen[k] = name
	}
	if key(base(), []tool{{FoundTool: FoundTool{Name: "go", Version: "1.26.2"}}}) == want {
		t.Error("the version of a tool does not decide")
	}
}

func TestBuildEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"STOA_TOKEN": "secret-1", "AWS_SECRET_ACCESS_KEY": "secret-2", "DATABASE_URL": "secret-3", "GITHUB_TOKEN": "secret-4", "SSH_AUTH_SOCK": "/secret-5", "NPM_TOKEN": "secret-6",
		"https_proxy": "http://proxy:3128", "NO_PROXY": "localhost", "SSL_CERT_FILE": os.Getenv("SSL_CERT_FILE"), "GOPROXY": "https://goproxy.example", "npm_config_registry": "https://npm.example",
		"NPM_CONFIG_PREFIX": "/elsewhere", "npm_config_cache": "/elsewhere", "PIP_INDEX_URL": "https://pip.example", "PIP_USER": "1", "LET_THROUGH": "yes", "GOTOOLCHAIN": "local",
	} {
		t.Setenv(name, value)
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", "")
	must(t, os.WriteFile(filepath.Join(home, ".npmrc"), []byte("fund=false\n"), 0o600))
	must(t, os.MkdirAll(filepath.Join(home, ".config/pip"), 0o755))
	must(t, os.WriteFile(filepath.Join(home, ".config/pip/pip.conf"), []byte("[global]\n"), 0o600))
	b, err := NewBuilder(Options{Dir: filepath.Join(t.TempDir(), "b"), PassEnv: []string{"LET_THROUGH"}})
	must(t, err)
	defer b.Close()

	plan := shellPlan(`env > env.txt; pwd >> env.txt; touch "$HOME/x" "$TMPDIR/y"`)
	plan.Steps[0].Env = map[string]string{"OWN": "step", markVariable: "forged"}
	got, err := b.Build(t.Context(), request(t, map[string]string{"a": ""}, plan), io.Discard)
	must(t, err)
	text := read(t, filepath.Join(got.Dir, "env.txt"))
	env := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		env[name] = value
	}
	if strings.Contains(text, "secret") {
		t.Errorf("a secret leaked:\n%s", text)
	}
	for name, want := range map[string]string{
		"https_proxy": "http://proxy:3128", "NO_PROXY": "localhost", "GOPROXY": "https://goproxy.example", "npm_config_registry": "https://npm.example",
		"PIP_INDEX_URL": "https://pip.example", "LET_THROUGH": "yes", "OWN": "step", "GOTOOLCHAIN": "local",
		"NPM_CONFIG_CACHE": filepath.Join(b.opts.CacheDir, "npm"), "NPM_CONFIG_USERCONFIG": filepath.Join(home, ".npmrc"),
		"PIP_CONFIG_FILE": filepath.Join(home, ".config/pip/pip.conf"), "PIP_CACHE_DIR": filepath.Join(b.opts.CacheDir, "pip"),
		"HOME": filepath.Join(b.workDir(got.Digest), "home"), "TMPDIR": filepath.Join(b.workDir(got.Digest), "tmp"), markVariable: b.workDir(got.Digest), got.Dir: "",
	} {
		if have, ok := env[name]; !ok || have != want {
			t.Errorf("%s = %q, want %q", name, have, want)
		}
	}
	for _, name := range []string{"NPM_CONFIG_PREFIX", "npm_config_cache", "PIP_USER", "CI"} {
		if value, ok := env[name]; ok {
			t.Errorf("%s = %q, want it unset", name, value)
		}
	}
	if _, err := os.Stat(b.workDir(got.Digest)); !errors.Is(err, os.ErrNotExist) {
		t.Error("home and temporary files stayed")
	}
}

func TestFailureTellsWhatAndLeavesNothing(t *testing.T) {
	b := newBuilder(t)
	tests := []struct {
		name    string
		step    Command
		code    int
		cause   string
		message string
	}{
		{"exit code", Command{Shell: "seq 1 50; echo >&2 boom; exit 3"}, 3, "", "`seq 1 50; echo >&2 boom; exit 3` failed with exit code 3"},
		{"no such program", Command{Argv: []string{"no-such-program", "x"}}, 0, "tool-missing", "no-such-program"},
		{"no such program in a shell", Command{Shell: "no-such-program x"}, 127, "tool-missing", "no-such-program"},
		{"no such script", Command{Argv: []string{"./mvnw"}}, 0, "tool-missing", "./mvnw"},
		{"killed", Command{Shell: "kill -9 $$"}, -1, "out-of-memory", "signal 9"},
		{"killed below a shell", Command{Shell: "sh -c 'kill -9 $$'; exit 137"}, 137, "out-of-memory", "137"},
		{"no folder", Command{Shell: "true", Dir: "none"}, 0, "folder-missing", "none"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			plan := shellPlan("echo first")
			plan.Steps = append(plan.Steps, test.step, Command{Shell: "echo never > /dev/stderr"})
			var log bytes.Buffer
			_, err := b.Build(t.Context(), request(t, map[string]string{"a": test.name}, plan), &log)
			var failed *Error
			if !errors.As(err, &failed) {
				t.Fatalf("err = %v", err)
			}
			if failed.ExitCode != test.code || failed.Cause != test.cause || !strings.Contains(err.Error(), test.message) {
				t.Errorf("err = %v, %+v", err, failed)
			}
			if test.cause != "" && len(failed.Next) == 0 {
				t.Error("no next step")
			}
			if strings.Contains(log.String(), "never") {
				t.Error("went on after the failure")
			}
			if test.name == "exit code" && (len(failed.Lines) != 20 || failed.Lines[0] != "32" || failed.Lines[19] != "boom") {
				t.Errorf("lines = %q", failed.Lines)
			}
		})
	}
	isEmpty(t, b)
}

func TestRefusedRequests(t *testing.T) {
	b := newBuilder(t)
	for name, change := range map[string]func(*Request){
		"no such folder":         func(r *Request) { r.Dir = "/none" },
		"no digest":              func(r *Request) { r.Source = "abc" },
		"kind":                   func(r *Request) { r.Plan.Output.Kind = "image" },
		"output outside":         func(r *Request) { r.Plan.Output = Output{Static, "../x"} },
		"absolute output":        func(r *Request) { r.Plan.Output = Output{Static, "/etc"} },
		"binary without a file":  func(r *Request) { r.Plan.Output = Output{Binary, "."} },
		"step outside":           func(r *Request) { r.Plan.Steps = []Command{{Shell: "x", Dir: ".."}} },
		"step with nothing":      func(r *Request) { r.Plan.Steps = []Command{{}} },
		"step with both":         func(r *Request) { r.Plan.Steps = []Command{{Argv: []string{"x"}, Shell: "x"}} },
		"NUL":                    func(r *Request) { r.Plan.Steps = []Command{{Argv: []string{"x\x00"}}} },
		"variable":               func(r *Request) { r.Plan.Steps = []Command{{Shell: "x", Env: map[string]string{"A=B": ""}}} },
		"tool by path":           func(r *Request) { r.Plan.Toolchain = []Tool{{Name: "../evil"}} },
		"foreign platform":       func(r *Request) { r.Platform = "plan9/mips" },
		"platform without parts": func(r *Request) { r.Platform = "linux" },
	} {
		req := request(t, map[string]string{"a": ""}, shellPlan("true"))
		change(&req)
		if _, err := b.Build(t.Context(), req, io.Discard); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	isEmpty(t, b)
}

func TestOutputs(t *testing.T) {
	b := newBuilder(t)
	files := map[string]string{"main.go": "package main", "templates/index.html": "hi", "pkg/x.go": "package pkg", "vendor/v/data": "x", "README.md": "r"}
	must2 := func(a Artifact, err error) Artifact { t.Helper(); must(t, err); return a }
	tree := func(dir string) string {
		var all []string
		must(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if name, _ := filepath.Rel(dir, path); !e.IsDir() {
				all = append(all, name)
			}
			return err
		}))
		return strings.Join(all, " ")
	}
	make := "mkdir -p out/deep dist/assets; printf '#!/bin/sh\\necho hello\\n' > out/deep/app; chmod +x out/deep/app; touch out/left.o dist/index.html dist/assets/a.js"
	plan := func(out Output) Plan { p := shellPlan(make); p.Output = out; return p }

	binary := must2(b.Build(t.Context(), request(t, files, plan(Output{Binary, "./out/deep/app"})), io.Discard))
	if got, want := tree(binary.Dir), "README.md out/deep/app templates/index.html"; got != want {
		t.Errorf("binary artifact holds %q, want %q", got, want)
	}
	if out, err := exec.Command(filepath.Join(binary.Dir, binary.Path)).Output(); err != nil || string(out) != "hello\n" {
		t.Errorf("binary: %q, %v", out, err)
	}
	static := must2(b.Build(t.Context(), request(t, files, plan(Output{Static, "dist"})), io.Discard))
	if got, want := tree(static.Dir), "assets/a.js index.html"; got != want {
		t.Errorf("static artifact holds %q, want %q", got, want)
	}
	bare := must2(b.Build(t.Context(), request(t, map[string]string{"index.html": ""}, Plan{Output: Output{Static, "."}}), io.Discard))
	if got := tree(bare.Dir); got != "index.html" {
		t.Errorf("static source holds %q", got)
	}
	linkOut := shellPlan("ln -s /etc dist")
	linkOut.Output = Output{Static, "dist"}
	for name, plan := range map[string]Plan{"binary": plan(Output{Binary, "out/none"}), "not executable": plan(Output{Binary, "out/left.o"}), "static": plan(Output{Static, "out/none"}), "link": linkOut} {
		_, err := b.Build(t.Context(), request(t, files, plan), io.Discard)
		var failed *Error
		if !errors.As(err, &failed) || failed.Cause != "output-missing" {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

func BenchmarkCachedBuild(b *testing.B) {
	builder := newBuilder(b)
	plan := shellPlan("true")
	if _, err := exec.LookPath("go"); err == nil {
		plan.Toolchain = append(plan.Toolchain, Tool{Name: "go", Version: "1.21"})
	}
	req := request(b, map[string]string{"a": ""}, plan)
	_, err := builder.Build(b.Context(), req, io.Discard)
	must(b, err)
	for b.Loop() {
		if a, err := builder.Build(b.Context(), req, io.Discard); err != nil || !a.Cached {
			b.Fatal(a, err)
		}
	}
}
