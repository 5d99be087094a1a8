package eventtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cdevents/sdk-go/pkg/api"
)

// Sample is a CDEvent as some sender would write it.
type Sample struct {
	Name string
	Type string
	Data json.RawMessage
}

// Samples makes a valid event of every type of the versions 0.4 and 0.5 of
// CDEvents from that project's own schemas, with every field filled.
func Samples(t testing.TB) []Sample {
	t.Helper()
	var samples []Sample
	for _, id := range slices.Sorted(maps.Keys(api.SchemasById)) {
		if !strings.Contains(id, "/0.4.") && !strings.Contains(id, "/0.5.") || !strings.HasSuffix(id, "-event") {
			continue
		}
		var schema map[string]any
		if err := json.Unmarshal([]byte(api.SchemasById[id]), &schema); err != nil {
			t.Fatal(err)
		}
		made := instance(schema)
		if compiled := api.CompiledSchemas[id]; compiled == nil {
			t.Fatalf("%s is not compiled", id)
		} else if err := compiled.Validate(made); err != nil {
			t.Fatalf("the event made by schema %s is not valid by it: %v", id, err)
		}
		raw, err := json.Marshal(made)
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, Sample{Name: strings.TrimPrefix(id, "https://cdevents.dev/"), Type: typeOf(raw), Data: raw})
	}
	return samples
}

// Conformance reads the conformance files of the CDEvents project: those that
// its Go library carries, and, where STOA_TEST_CDEVENTS names folders of its
// specification (separated as in PATH), all of theirs. The specification is not
// copied here.
func Conformance(t testing.TB) []Sample {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/cdevents/sdk-go").Output()
	if err != nil {
		t.Fatalf("find the library's folder: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "docs", "examples", "*", "changecreated.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the library carries no example: %v", err)
	}
	for _, folder := range filepath.SplitList(os.Getenv("STOA_TEST_CDEVENTS")) {
		more, err := filepath.Glob(filepath.Join(folder, "conformance", "*.json"))
		if err != nil || len(more) == 0 {
			t.Fatalf("%s holds no conformance files: %v", folder, err)
		}
		files = append(append(files, more...), filepath.Join(folder, "custom", "conformance.json"))
	}
	var samples []Sample
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, Sample{Name: file, Type: typeOf(raw), Data: raw})
	}
	return samples
}

func typeOf(raw []byte) string {
	var of struct {
		Context struct {
			Type string `json:"type"`
		} `json:"context"`
	}
	_ = json.Unmarshal(raw, &of) // an event without a type is refused where it is posted
	return of.Context.Type
}

// instance makes a value that a schema of the project allows.
func instance(schema map[string]any) any {
	for _, choice := range []string{"oneOf", "anyOf"} {
		if of, ok := schema[choice].([]any); ok {
			return instance(of[0].(map[string]any))
		}
	}
	if of, ok := schema["enum"].([]any); ok {
		return of[0]
	}
	switch schema["type"] {
	case "array":
		items, ok := schema["items"].(map[string]any)
		if !ok {
			return []any{}
		}
		return []any{instance(items)}
	case "string":
		return text(fmt.Sprint(schema["format"]))
	case "boolean":
		return true
	case "integer", "number":
		return 1
	}
	object := map[string]any{}
	properties, _ := schema["properties"].(map[string]any)
	for name, of := range properties {
		if of := of.(map[string]any); of["$ref"] == nil { // links to other events have schemas of their own
			object[name] = instance(of)
		}
	}
	return object
}

func text(format string) string {
	switch format {
	case "date-time":
		return "2026-10-05T08:15:30Z"
	case "uri", "uri-reference":
		return "https://tools.example/thing"
	}
	return "pkg:generic/shop@1"
}
