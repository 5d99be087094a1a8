package delivery

import (
	"log/slog"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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

func TestOverride(t *testing.T) {
	for _, test := range []struct {
		field, value string
		check        func(c detect.Component) bool
	}{
		{"port", "8081", func(c detect.Component) bool { return c.Port == 8081 && c.PortVariable == "" }},
		{"portVariable", "LISTEN", func(c detect.Component) bool { return c.PortVariable == "LISTEN" }},
		{"health", "/up", func(c detect.Component) bool { return c.Health == "/up" }},
		{"start", "./run --now", func(c detect.Component) bool {
			return c.Start.Shell == "./run --now" && c.Start.Dir == "svc" && c.Start.Argv == nil
		}},
		{"output", "dist", func(c detect.Component) bool { return c.Output == "dist" && c.Artifact.Path == "svc/dist" }},
		{"port", "eighty", nil}, {"port", "0", nil}, {"port", "65536", nil}, {"port", "", nil},
		{"health", "up", nil}, {"colour", "red", nil},
	} {
		c := detect.Component{
			Dir: "svc", Port: 80, PortVariable: "PORT", Health: "/healthz", Start: detect.Command{Argv: []string{"app"}},
			Settings: []detect.Setting{{Field: test.field, Value: "before"}, {Field: "language", Value: "go"}},
		}
		err := override(&c, map[string]string{test.field: test.value})
		if test.check == nil {
			if told := problem.From(err); told.Kind != problem.Invalid || len(told.Fields) != 1 || told.Fields[0].Path != "spec.overrides."+test.field {
				t.Errorf("%s=%q: %v", test.field, test.value, err)
			}
			continue
		}
		if err != nil || !test.check(c) {
			t.Errorf("%s=%q: %+v, %v", test.field, test.value, c, err)
		}
		s, ok := c.Setting(test.field)
		if !ok || s.Value != test.value || s.Source != "override" || s.Confidence != 1 || len(c.Settings) != 2 {
			t.Errorf("%s=%q: the evidence is %+v", test.field, test.value, c.Settings)
		}
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
	beside := processes(rel, w)
	if len(beside) != 1 || beside[0].Service != "shop:worker" || beside[0].Serves || beside[0].Health != "" || beside[0].Command[len(beside[0].Command)-1] != "work" {
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
