package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/adoption/journey"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/delivery/dora"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/logs"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/runtime"
)

// wire pairs each type of package client with what the platform sends, or takes,
// for it. What they are made of is compared with them.
var wire = [][2]any{
	{client.Account{}, auth.Account{}},
	{client.Answer{}, measureOutput{}.Body},
	{client.Applied{}, admission.Result{}},
	{client.Checkpoint{}, checkpointOutput{}.Body},
	{client.Contrast{}, dora.Contrast{}},
	{client.Detection{}, detect.Result{}},
	{client.Event{}, event.Record{}},
	{client.Journey{}, journey.Journey{}},
	{client.Kept{}, kept{}},
	{client.Kind{}, kindInfo{}},
	{client.LogEntry{}, logs.Entry{}},
	{client.Measure{}, measure.Definition{}},
	{client.NewToken{}, createTokenInput{}.Body},
	{client.Object{}, object.Object{}},
	{client.Outcome{}, event.Outcome{}},
	{client.Principal{}, auth.Principal{}},
	{client.Problem{}, details{}},
	{client.Release{}, delivery.Release{}},
	{client.Revision{}, revision{}},
	{client.Scorecard{}, measure.Computed{}},
	{client.Service{}, catalog.Service{}},
	{client.Status{}, serviceStatus{}},
	{client.Survey{}, surveyOutput{}.Body},
	{client.Token{}, auth.Token{}},
}

// unpaired are the types of package client that have no type on the other side:
// the envelope of lists and the lines of a stream are written without one, and
// the rest is what client itself tells.
var unpaired = []string{"Page", "Line", "Imported", "Posted", "NotTaken"}

// TestWire proves that both sides of the wire have the same JSON: a field that
// is added, renamed or retyped on one side alone fails it.
func TestWire(t *testing.T) {
	seen := map[string]bool{}
	for _, pair := range wire {
		theirs, ours := reflect.TypeOf(pair[0]), reflect.TypeOf(pair[1])
		want, got := shape(ours, "", nil), shape(theirs, "", func(t reflect.Type) { seen[t.Name()] = true })
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s has not the JSON of %s (-platform +client):\n%s", theirs, ours, diff)
		}
	}
	for _, name := range wireTypes(t) {
		if !seen[name] && !slices.Contains(unpaired, name) {
			t.Errorf("client.%s is compared with nothing: pair it in wire", name)
		}
	}
}

// TestWireWords holds the words that stand in fields of the wire, and that a
// client branches on, to those of the platform.
func TestWireWords(t *testing.T) {
	for theirs, ours := range map[string]string{
		string(client.PhasePending): string(delivery.Pending), string(client.PhaseReleasing): string(delivery.Releasing),
		string(client.PhaseSucceeded): string(delivery.Succeeded), string(client.PhaseFailed): string(delivery.Failed),

		"step " + client.StepWaiting: "step " + string(delivery.StepWaiting), "step " + client.StepRunning: "step " + string(delivery.StepRunning),
		"step " + client.StepDone: "step " + string(delivery.StepDone), "step " + client.StepFailed: "step " + string(delivery.StepFailed),
		"step " + client.StepDetect: "step " + delivery.StepDetect, "step " + client.StepOwner: "step " + delivery.StepOwner,
		"step " + client.StepGates: "step " + delivery.StepGates, "step " + client.StepBuild: "step " + delivery.StepBuild,
		"step " + client.StepRelease: "step " + delivery.StepRelease, "step " + client.StepRollout: "step " + delivery.StepRollout,
		"step " + client.StepVerify: "step " + delivery.StepVerify, "step " + client.StepRoute: "step " + delivery.StepRoute,

		client.CauseDeploy: delivery.CauseDeploy, client.CauseRollback: delivery.CauseRollback, client.CausePromote: delivery.CausePromote,
		client.TypeLibrary: detect.TypeLibrary,

		"state " + client.StateRunning: "state " + catalog.StateRunning, "state " + client.StateDegraded: "state " + catalog.StateDegraded,
		"state " + client.StateStopped: "state " + catalog.StateStopped, "state " + client.StateFailed: "state " + catalog.StateFailed,
		"state " + client.StateUnreleased: "state " + catalog.StateUnreleased,

		client.InstanceStarting: string(runtime.StateStarting), client.InstanceHealthy: string(runtime.StateHealthy),
		client.InstanceUnhealthy: string(runtime.StateUnhealthy), client.InstanceRestarting: string(runtime.StateRestarting),
		client.InstanceCrashLooping: string(runtime.StateCrashLooping), client.InstanceStopped: string(runtime.StateStopped),

		client.Created: string(admission.Created), client.Updated: string(admission.Updated),
		client.Unchanged: string(admission.Unchanged), client.Deleted: string(admission.Deleted),
		client.Allow: problem.Allow, client.Warn: problem.Warn, client.NeedsApproval: problem.NeedsApproval, client.Deny: problem.Deny,

		string(client.PostAccepted): string(event.Accepted), string(client.PostDuplicate): string(event.Duplicate), string(client.PostConflict): string(event.Conflict),

		string(client.PlatformAdmin): string(auth.PlatformAdmin), string(client.PlatformMember): string(auth.PlatformMember),
		string(client.TeamOwner): string(auth.TeamOwner), string(client.TeamMember): string(auth.TeamMember), string(client.Viewer): string(auth.Viewer),
	} {
		if theirs != ours {
			t.Errorf("the client's %q is the platform's %q", theirs, ours)
		}
	}
	for theirs, ours := range map[client.ProblemKind]problem.Kind{
		client.Invalid: problem.Invalid, client.NotFound: problem.NotFound, client.Conflict: problem.Conflict,
		client.Unauthenticated: problem.Unauthenticated, client.Forbidden: problem.Forbidden, client.Refused: problem.Refused,
		client.TooLarge: problem.TooLarge, client.TooMany: problem.TooMany, client.Failed: problem.Failed,
		client.Unavailable: problem.Unavailable, client.Internal: problem.Internal,
	} {
		if string(theirs) != string(ours) {
			t.Errorf("the client's %q is the platform's %q", theirs, ours)
		}
	}
}

// shape lists what JSON of the type can hold, one line for each field: its path,
// its kind, and when it is left out. each hears of every struct on the way.
func shape(t reflect.Type, path string, each func(reflect.Type)) []string {
	switch t {
	case reflect.TypeFor[time.Time](), reflect.TypeFor[json.RawMessage]():
		return []string{path + " " + t.String()}
	case reflect.TypeFor[measure.Interval](): // it writes itself as its two ends
		t = reflect.TypeFor[client.Interval]()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return shape(t.Elem(), path+"?", each)
	case reflect.Slice:
		return shape(t.Elem(), path+"[]", each)
	case reflect.Array:
		return shape(t.Elem(), fmt.Sprintf("%s[%d]", path, t.Len()), each)
	case reflect.Map:
		return shape(t.Elem(), path+"{"+t.Key().Kind().String()+"}", each)
	case reflect.Struct:
	default:
		return []string{path + " " + t.Kind().String()}
	}
	if each != nil {
		each(t)
	}
	var lines []string
	for field := range t.Fields() {
		tag := field.Tag.Get("json")
		switch {
		case tag == "-" || !field.IsExported():
		case tag == "" && field.Anonymous:
			lines = append(lines, shape(field.Type, path, each)...)
		case (t == reflect.TypeFor[client.Problem]() || t == reflect.TypeFor[details]()) && slices.Contains(envelope, field.Name):
		default:
			name, option, _ := strings.Cut(tag, ",")
			lines = append(lines, shape(field.Type, path+"."+cmp.Or(name, field.Name)+" "+option, each)...)
		}
	}
	slices.Sort(lines)
	return lines
}

// envelope are the members that an answer puts around a problem; one that lies
// in the status of a release has none. TestProblemArrives has them.
var envelope = []string{"Type", "Status", "Instance"}

// wireTypes lists the exported structs of package client that have JSON.
func wireTypes(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "client", "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of package client: %v", err)
	}
	var names []string
	for _, file := range files {
		syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(syntax, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !spec.Name.IsExported() {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok && slices.ContainsFunc(s.Fields.List, func(f *ast.Field) bool { return f.Tag != nil }) {
				names = append(names, spec.Name.Name)
			}
			return false
		})
	}
	return names
}

// TestProblemArrives sends a problem with all that one can have: a client has
// it whole, as its own type and as that of the house.
func TestProblemArrives(t *testing.T) {
	one := 1.0
	sent := problem.Problem{
		Kind: problem.Refused, Title: "no", Why: []string{"a"}, Next: []string{"b"}, Decider: "@platform", Docs: "/docs/quotas", RetryAfter: 3,
		Fields:   []problem.Field{{Path: "spec.x", Line: 4, Source: "f.yaml", Message: "m"}},
		Verdicts: []problem.Verdict{{Gate: "quota/q", Outcome: "deny", Used: &one, Limit: &one, Requested: &one, Unit: "services"}},
		Question: &problem.Question{ID: "team", Field: "owner", Text: "which", Options: []string{"a", "b"}},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, w.Header().Set, w.WriteHeader, &details{Type: "about:blank#refused", Status: http.StatusForbidden, Instance: "r1", Problem: sent})
	}))
	defer server.Close()
	c, err := client.New(server.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.WhoAmI(t.Context())
	var told *client.Problem
	if !errors.As(err, &told) || told.Type != "about:blank#refused" || told.Status != http.StatusForbidden || told.Instance != "r1" || !client.Is(err, client.Refused) {
		t.Errorf("told %+v", told)
	}
	var house *problem.Problem
	if !errors.As(err, &house) {
		t.Fatalf("%v is no problem of the house", err)
	}
	ignore := gocmp.FilterPath(func(p gocmp.Path) bool { return p.Last().String() == ".cause" }, gocmp.Ignore())
	if diff := gocmp.Diff(&sent, house, ignore); diff != "" {
		t.Error(diff)
	}
}

// An interval writes itself, so its fields say nothing of its JSON: what the
// platform sends is what a client reads, and writes again.
func TestIntervalOnTheWire(t *testing.T) {
	low, high := 1.5, 2.0
	for sent, want := range map[measure.Interval]client.Interval{
		{Low: low, High: high}: {&low, &high}, {Low: math.Inf(-1), High: high}: {nil, &high}, {Low: low, High: math.Inf(1)}: {&low, nil},
	} {
		raw, err := json.Marshal(sent)
		if err != nil {
			t.Fatal(err)
		}
		var got client.Interval
		if err := json.Unmarshal(raw, &got); err != nil || !gocmp.Equal(got, want) {
			t.Errorf("%s came as %+v (%v)", raw, got, err)
		}
		if again, err := json.Marshal(got); err != nil || string(again) != string(raw) {
			t.Errorf("%s is written again as %s (%v)", raw, again, err)
		}
	}
}
