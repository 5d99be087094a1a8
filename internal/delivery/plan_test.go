package delivery

import (
	"encoding/json"
	"log/slog"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/stoa-platform/stoa/internal/build"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/runtime"
)

func TestArgv(t *testing.T) {
	env := map[string]string{"NAME": "fruit", "STOA_OUT": "/builds/x/service"}
	for _, test := range []struct {
		name    string
		command detect.Command
		want    []string
	}{
		{"plain", detect.Command{Argv: []string{"node", "server.js"}}, []string{"node", "server.js"}},
		{"variables", detect.Command{Argv: []string{"$STOA_OUT", "--name=${NAME}", "${NONE:-pear}", "$$5"}}, []string{"/builds/x/service", "--name=fruit", "pear", "$5"}},
		{"a port", detect.Command{Argv: []string{"app", "--port", "$PORT"}}, []string{"sh", "-c", `exec 'app' '--port' ''"$PORT"''`}},
		{"a port inside", detect.Command{Argv: []string{"app", "-b", "0.0.0.0:$PORT,it's"}}, []string{"sh", "-c", `exec 'app' '-b' '0.0.0.0:'"$PORT"',it'\''s'`}},
		{"an empty word beside a port", detect.Command{Argv: []string{"app", "", "$PORT"}}, []string{"sh", "-c", `exec 'app' '' ''"$PORT"''`}},
		{"a shell", detect.Command{Shell: "gunicorn -b :$PORT app"}, []string{"sh", "-c", "gunicorn -b :$PORT app"}},
	} {
		if got := argv(test.command, env, nil); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// What the shell makes of a command with a port is what was meant, whatever
// stands in its words.
func TestArgvThroughTheShell(t *testing.T) {
	hard := []string{"a b", "it's", `"quoted"`, "$$(id)", "`id`", `\`, "", "x$PORT", "$PORT;id"}
	line := argv(detect.Command{Argv: append([]string{"sh", "-c", `printf '%s\n' "$$@" "$$ADDRESS"`, "sh"}, hard...)},
		nil, map[string]string{"ADDRESS": ":" + portMark + "'s"})
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = []string{"PORT=4711", "PATH=/usr/bin:/bin"}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	want := "a b\nit's\n\"quoted\"\n$(id)\n`id`\n\\\n\nx4711\n4711;id\n:4711's\n"
	if string(out) != want {
		t.Errorf("the shell makes\n%s of it, want\n%s", out, want)
	}
}

// A start command as it is shown means, as a line of shell, what was detected:
// whoever copies it into an override, and perhaps adds a word, is not misled.
func TestWhatIsShownStarts(t *testing.T) {
	files, err := filepath.Glob("../detect/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	env := map[string]string{"STOA_OUT": "/builds/a b/it's", "NAME": "fruit"}
	printed := func(c detect.Command) string {
		line := argv(c, env, nil)
		cmd := exec.Command(line[0], line[1:]...)
		cmd.Env = []string{"PORT=4711", "NAME=fruit", "PATH=/usr/bin:/bin"}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", c, err, out)
		}
		return string(out)
	}
	commands := []detect.Command{{Argv: []string{"$STOA_OUT", "a b", "it's", `"quoted"`, "$$(id)", "`id`", `\`, "", "*", "f(x);y", "--name=${NAME}", "${NONE:-pear}"}}}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			var result detect.Result
			if f.Name == "want.json" && json.Unmarshal(f.Data, &result) != nil {
				t.Fatalf("%s cannot be read", file)
			}
			for _, c := range result.Components {
				commands = append(commands, c.Start)
			}
		}
	}
	for _, c := range commands {
		if len(c.Argv) == 0 {
			continue
		}
		want := printed(detect.Command{Argv: append([]string{"printf", `%s\n`}, c.Argv...)})
		if got := printed(detect.Command{Shell: `printf '%s\n' ` + c.String()}); got != want {
			t.Errorf("%q is shown as %s, which is\n%s, not\n%s", c.Argv, c, got, want)
		}
	}
}

// A line of shell knows the program and the address to bind, and what it starts
// is told of neither.
func TestShellKnowsTheProgram(t *testing.T) {
	line := argv(detect.Command{Shell: `printf '%s %s ' "$STOA_OUT" "${HOST:-0.0.0.0}"; sh -c 'echo $STOA_OUT $HOST'`}, map[string]string{"STOA_OUT": "/it's"}, nil)
	if out, err := exec.Command(line[0], line[1:]...).Output(); err != nil || string(out) != "/it's 127.0.0.1 \n" {
		t.Errorf("%q, %v", out, err)
	}
	if line := argv(detect.Command{Shell: "node $OTHER"}, map[string]string{"STOA_OUT": "/x"}, nil); !slices.Equal(line, []string{"sh", "-c", "node $OTHER"}) {
		t.Errorf("a line that needs neither is %q", line)
	}
}

func TestBuildPlan(t *testing.T) {
	plan, err := buildPlan(detect.Component{
		Language: "go", Artifact: detect.Artifact{Kind: detect.ArtifactBinary},
		Build: []detect.Step{
			{Name: "compile", Command: detect.Command{Argv: []string{"go", "build", "-o", "$STOA_OUT", "./cmd/x"}, Dir: "services/x"}},
			{Name: "check", Command: detect.Command{Shell: "test -x $STOA_OUT", Env: map[string]string{"A": "1"}}},
		},
		Toolchain: []detect.Tool{{Name: "go", Version: "1.26"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := plan.Steps[0].Argv[3]; got != "../../.stoa-out/service" {
		t.Errorf("the binary goes to %q", got)
	}
	if got := plan.Steps[1]; got.Env["STOA_OUT"] != "./.stoa-out/service" && got.Env["STOA_OUT"] != ".stoa-out/service" || got.Env["A"] != "1" {
		t.Errorf("the shell is told %v", got.Env)
	}
	if plan.Output.Path != binaryPath || plan.Output.Kind != build.Binary || plan.Toolchain[0] != (build.Tool{Name: "go", Version: "1.26"}) {
		t.Errorf("plan %+v", plan)
	}
	plan, err = buildPlan(detect.Component{Language: "node", Artifact: detect.Artifact{Kind: detect.ArtifactBundle}})
	if err != nil || plan.Output.Path != "." {
		t.Errorf("a bundle: %+v, %v", plan, err)
	}
}

func TestWorkload(t *testing.T) {
	d := New(Options{Homes: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	artifact := build.Artifact{Dir: t.TempDir(), Kind: build.Binary, Path: "service"}
	var rel Release
	rel.Metadata.Name = "shop-7"
	rel.Spec.Service, rel.Spec.Environment = "shop", "dev"
	rel.Spec.Workload = &detect.Component{
		Type: detect.TypeBackend, Start: detect.Command{Argv: []string{"$STOA_OUT"}, Env: map[string]string{"A": "start", "B": "start"}},
		Env: map[string]string{"A": "component", "E": "component"}, Health: "/healthz", PortVariable: "PORT",
		Processes: map[string]detect.Command{"worker": {Argv: []string{"$STOA_OUT", "work"}}},
	}
	running := catalog.Running{Replicas: 3, Memory: "1Gi", CPU: "500m", Env: map[string]string{"B": "service", "C": "service"}}
	w, err := d.workload(rel, running, artifact, []string{"C=secret=with=signs"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Validate(); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"A=start", "B=service", "C=secret=with=signs", "E=component", "STOA_RELEASE=shop-7", "HOME=" + filepath.Join(d.homes, "shop.dev")} {
		if !slices.Contains(w.Env, want) {
			t.Errorf("environment %q without %q", w.Env, want)
		}
	}
	if slices.ContainsFunc(w.Env, func(pair string) bool { return strings.HasPrefix(pair, "STOA_OUT=") }) {
		t.Error("the place of the binary is told to the program")
	}
	if !slices.Equal(w.Command, []string{filepath.Join(artifact.Dir, "service")}) || w.Replicas != 3 || w.Memory != 1<<30 || w.CPU != 500 || !w.Serves {
		t.Errorf("workload %+v", w)
	}
	beside := processes(rel, w, artifact)
	if len(beside) != 1 || beside[0].Service != "shop:worker" || beside[0].Serves || beside[0].Health != "" || !slices.Equal(beside[0].Command, []string{filepath.Join(artifact.Dir, "service"), "work"}) {
		t.Errorf("beside it %+v", beside)
	}
	if keys := processKeys(rel); len(keys) != 1 || keys[0] != beside[0].Key {
		t.Errorf("keys %v", keys)
	}
	down := &runtime.StartError{Key: beside[0].Key, Detail: "ended 3 times"}
	if said := message(down); said != "process worker ended 3 times" {
		t.Errorf("of a further process that ended is said %q", said)
	}
	if down.Key = w.Key; message(down) != "ended 3 times" {
		t.Errorf("of the process that serves is said %q", message(down))
	}

	rel.Spec.Workload = &detect.Component{Type: detect.TypeStatic, Fallback: true}
	w, err = d.workload(rel, running, build.Artifact{Dir: artifact.Dir, Kind: build.Static}, nil)
	if err != nil || w.Static != "." || !w.SPA || !w.Serves || len(w.Command) > 0 {
		t.Errorf("a site: %+v, %v", w, err)
	}
	rel.Spec.Workload = nil
	if _, err := d.workload(rel, running, artifact, nil); !problem.Is(err, problem.Invalid) {
		t.Errorf("of nothing: %v", err)
	}
}
