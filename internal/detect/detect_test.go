package detect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected results in testdata")

// TestDetect runs every testdata/*.txtar: the files of a source, then what is
// expected of it, as want.json or want.error. Lines "name: X" and "answer: ID
// VALUE" before the first file are options.
func TestDetect(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			source, opts := fstest.MapFS{}, parseOptions(archive.Comment)
			want := map[string][]byte{}
			kept := archive.Files[:0:0]
			for _, f := range archive.Files {
				if f.Name == "want.json" || f.Name == "want.error" {
					want[f.Name] = f.Data
					continue
				}
				source[f.Name] = &fstest.MapFile{Data: f.Data}
				kept = append(kept, f)
			}
			name, got := "want.json", []byte(nil)
			result, err := Detect(t.Context(), source, opts)
			if err != nil {
				e, ok := saysOfSource(err)
				if !ok {
					t.Fatalf("Detect = %v, which says nothing of the source", err)
				}
				name, got = "want.error", fmt.Appendf(nil, "%s\nwhy %s\nnext %s\n", e, strings.Join(e.Why, "; "), strings.Join(e.Next, "; "))
			} else {
				got, err = json.MarshalIndent(result, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, '\n')
				checkEvidence(t, result)
			}
			if *update {
				archive.Files = append(kept, txtar.File{Name: name, Data: got})
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want[name]), string(got)); diff != "" {
				t.Errorf("(-want +got; go test -update rewrites it)\n%s", diff)
			}
		})
	}
}

// detected gives what is expected of each case that is not refused, by its name.
func detected(t *testing.T) map[string]Result {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]Result{}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if f.Name != "want.json" {
				continue
			}
			var r Result
			if err := json.Unmarshal(f.Data, &r); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			all[file] = r
		}
	}
	return all
}

func parseOptions(comment []byte) Options {
	o := Options{Name: "folder", Answers: map[string]string{}}
	for line := range strings.SplitSeq(string(comment), "\n") {
		if name, ok := strings.CutPrefix(line, "name: "); ok {
			o.Name = name
		}
		if answer, ok := strings.CutPrefix(line, "answer: "); ok {
			id, value, _ := strings.Cut(answer, " ")
			o.Answers[id] = value
		}
	}
	return o
}

// checkEvidence holds for every result: each fact has its evidence, each
// evidence its fact, and what is to be run can be run.
func checkEvidence(t *testing.T, r Result) {
	t.Helper()
	for _, c := range r.Components {
		facts := map[string]string{
			"name": c.Name, "type": c.Type, "language": c.Language, "version": c.Version, "framework": c.Framework, "manager": c.Manager,
			"output": c.Output, "portVariable": c.PortVariable, "health": c.Health, "owner": c.Owner, "start": c.Start.String(),
		}
		for field, value := range facts {
			if s, _ := c.Setting(field); s.Value != value {
				t.Errorf("%s: %s is %q but its evidence says %q", c.Name, field, value, s.Value)
			}
		}
		for _, s := range c.Settings {
			if s.Source == "" || s.Confidence <= 0 || s.Confidence > 1 {
				t.Errorf("%s: evidence without source or confidence: %+v", c.Name, s)
			}
		}
		if !slices.IsSortedFunc(c.Settings, func(a, b Setting) int { return fieldRank(a.Field) - fieldRank(b.Field) }) {
			t.Errorf("%s: settings are out of order", c.Name)
		}
		runs := c.Type != TypeLibrary && c.Type != ""
		if runs != (c.Artifact.Kind != "") || runs && c.Artifact.Kind != ArtifactStatic && c.Start.IsZero() {
			t.Errorf("%s: type %q with artifact %q and start %q", c.Name, c.Type, c.Artifact.Kind, c.Start)
		}
		if (c.Artifact.Kind == ArtifactStatic) != (c.Output != "") {
			t.Errorf("%s: artifact %q with output %q", c.Name, c.Artifact.Kind, c.Output)
		}
		if !within(c.Dir, c.Root) {
			t.Errorf("%s: folder %s is outside of the root %s", c.Name, c.Dir, c.Root)
		}
	}
}

func TestDetectIsStable(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/monorepo.txtar")
	if err != nil {
		t.Fatal(err)
	}
	source := fstest.MapFS{}
	for _, f := range archive.Files {
		source[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	var first []byte
	for range 20 {
		r, err := Detect(t.Context(), source, Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, _ := json.Marshal(r)
		if first == nil {
			first = got
		}
		if !bytes.Equal(first, got) {
			t.Fatalf("the same source gave two results:\n%s\n%s", first, got)
		}
	}
}

func TestDetectStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Detect(ctx, fstest.MapFS{"go.mod": {Data: []byte("module x")}}, Options{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("Detect = %v, want %v", err, context.Canceled)
	}
}

// What commits suggest is a person, not a team.
func TestExplainOwner(t *testing.T) {
	for want, owner := range map[string]Setting{
		"owner team payments":             {Field: "owner", Value: "payments", Source: "CODEOWNERS:3", Confidence: likely},
		"owner perhaps the team of ann-a": {Field: "owner", Value: "ann-a", Source: "9 of 10 commits in 90 days", Confidence: guess},
	} {
		lines := Component{Name: "shop", Owner: owner.Value, Settings: []Setting{owner}}.Explain()
		if got := lines[len(lines)-1]; got.Text != want || got.Source != owner.Source {
			t.Errorf("%+v, want %s", got, want)
		}
	}
}

func TestExplain(t *testing.T) {
	source := fstest.MapFS{
		"go.mod":     {Data: []byte("module example.com/shop\n\ngo 1.26\n\nrequire github.com/jackc/pgx/v5 v5.7.0\n")},
		"CODEOWNERS": {Data: []byte("# who\n\n* @acme/payments\n")},
		"main.go": {Data: []byte(`package main

import (
	"net/http"
	"os"

	_ "github.com/jackc/pgx/v5/stdlib"
)

func main() {
	http.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	_ = http.ListenAndServe(":"+os.Getenv("PORT"), nil)
}
`)},
	}
	r, err := Detect(t.Context(), source, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range r.Explain() {
		got = append(got, l.Text+" | "+l.Source)
	}
	want := []string{
		`Go 1.26 service "shop" | go.mod:1`,
		`framework net/http | main.go:4`,
		`listens on $PORT | main.go:12`,
		`health GET /healthz | main.go:11`,
		`wants postgres "shop" by DATABASE_URL | go.mod:5`,
		`owner team payments | CODEOWNERS:3`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What runs beside the service is told with the line that states it.
func TestExplainProcesses(t *testing.T) {
	r, err := Detect(t.Context(), fstest.MapFS{
		"web.py":   {Data: []byte("print()\n")},
		"Procfile": {Data: []byte("web: python web.py\nworker: python worker.py --queue mail\nclock: python clock.py\nrelease: python migrate.py\n")},
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range r.Explain() {
		got = append(got, l.Text+" | "+l.Source)
	}
	want := []string{
		`service "app" | Procfile:1`,
		"starts by python web.py | Procfile:1",
		"before a rollout python migrate.py | Procfile:4",
		"beside it clock: python clock.py | Procfile:3",
		"beside it worker: python worker.py --queue mail | Procfile:2",
		"listens on $PORT | a Procfile's web listens on $PORT",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestExpand(t *testing.T) {
	vars := map[string]string{"PORT": "8080", "STOA_OUT": "/bin/shop"}
	c := Command{Argv: []string{"$STOA_OUT", "--addr=${HOST:-0.0.0.0}:$PORT", "$$HOME", "${PORT:-1}", "$NONE"}}
	want := []string{"/bin/shop", "--addr=0.0.0.0:8080", "$HOME", "8080", ""}
	if diff := cmp.Diff(want, c.Expand(func(name string) string { return vars[name] })); diff != "" {
		t.Error(diff)
	}
	shell := Command{Shell: "node $FILE"}
	if diff := cmp.Diff([]string{"sh", "-c", "node $FILE"}, shell.Expand(func(string) string { return "x" })); diff != "" {
		t.Error(diff)
	}
}

func TestLabel(t *testing.T) {
	for name, want := range map[string]string{
		"Shop": "shop", "@acme/web-App": "web-app", "a_b.c": "a-b-c", "--x--": "x", "": "", "日本": "", "9lives": "9lives",
		strings.Repeat("a", 70): strings.Repeat("a", 63), "x/": "x", ".": "",
	} {
		if got := label(name); got != want {
			t.Errorf("label(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestPortName(t *testing.T) {
	for name, want := range map[string]string{
		"PORT": "port", "HTTP_PORT": "port", "WHOAMI_PORT_NUMBER": "port", "listen-port": "port",
		"LISTEN_ADDR": "address", "addr": "address", "web.listen-address": "address",
		"DB_PORT": "", "REDIS_PORT": "", "METRICS_PORT": "", "grpc-port": "", "SUPPORT_EMAIL": "", "IMPORT": "", "": "",
	} {
		port, address := portName(name)
		got := ""
		if port {
			got = "port"
		} else if address {
			got = "address"
		}
		if got != want {
			t.Errorf("portName(%q) = %q, want %q", name, got, want)
		}
	}
}

// A script that a step hands to an interpreter keeps its own dollar signs when
// the step is expanded.
func TestStepsSurviveExpansion(t *testing.T) {
	r, err := Detect(t.Context(), fstest.MapFS{"requirements.txt": {Data: []byte("flask")}, "app.py": {Data: []byte("app = Flask(__name__)")}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	steps := r.Components[0].Build
	argv := steps[len(steps)-1].Expand(func(string) string { return "" })
	if script := argv[len(argv)-1]; !strings.Contains(script, `\"$0\" \"$@\"`) || !strings.Contains(script, "$(dirname") {
		t.Errorf("the last step became\n%s", script)
	}
}

func TestBrief(t *testing.T) {
	long := strings.Repeat("日", 200)
	for value, want := range map[string]string{
		"": "", "make all": "make all", " make all ": " make all ", "make all\necho": "make all …", "\nmake all\n": "\nmake all\n",
		long: long[:120*len("日")] + " …", long + "\n": long[:120*len("日")] + " …",
	} {
		if got := Brief(value); got != want {
			t.Errorf("Brief(%q) = %q, want %q", value, got, want)
		}
	}
}
