package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/app"
)

// TestReference keeps docs/reference/openapi.json in step with what is served;
// -update writes it. The document itself must hold together.
func TestReference(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	served := p.openAPI(t)
	checkOpenAPI(t, served)
	p.checkKinds(t, served)

	served["info"].(map[string]any)["version"] = "dev" // it changes with every build
	var page bytes.Buffer
	encode := json.NewEncoder(&page)
	encode.SetEscapeHTML(false)
	encode.SetIndent("", "  ")
	if err := encode.Encode(served); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "..", "docs", "reference", "openapi.json")
	if *app.Update {
		if err := os.WriteFile(path, page.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(stored, page.Bytes()) {
		t.Errorf("%s is out of date: go test ./internal/app -run TestReference -update", path)
	}
}

// TestRecorded keeps docs/reference/recorded.md in step with what is recorded.
func TestRecorded(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	var operations []string
	for _, methods := range p.openAPI(t)["paths"].(map[string]any) {
		for _, op := range methods.(map[string]any) {
			if id, ok := op.(map[string]any)["operationId"].(string); ok {
				operations = append(operations, id)
			}
		}
	}
	slices.Sort(operations)
	page := app.RecordedPage(app.Kinds(t), operations)
	path := filepath.Join("..", "..", "docs", "reference", "recorded.md")
	if *app.Update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(stored) != page {
		t.Errorf("%s is out of date: go test ./internal/app -run Recorded -update", path)
	}
}

func (p *platform) openAPI(t *testing.T) map[string]any {
	t.Helper()
	response, err := http.Get(strings.Replace(p.url, "localhost", "127.0.0.1", 1) + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("openapi.json: %s, %v", response.Status, err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

var inPath = regexp.MustCompile(`\{([^}]+)\}`)

// checkOpenAPI checks what tools that read such documents rely on.
func checkOpenAPI(t *testing.T, doc map[string]any) {
	t.Helper()
	if version, _ := doc["openapi"].(string); !strings.HasPrefix(version, "3.1.") {
		t.Errorf("openapi %q", version)
	}
	refs := 0
	eachRef(doc, func(ref string) {
		refs++
		if !resolves(doc, ref) {
			t.Errorf("%s leads nowhere", ref)
		}
	})
	checkNext(t, "", doc)
	operations := map[string]string{}
	for path, item := range doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			at := method + " " + path
			op := op.(map[string]any)
			id, _ := op["operationId"].(string)
			if id == "" || operations[id] != "" {
				t.Errorf("%s: operationId %q, which %q has too", at, id, operations[id])
			}
			operations[id] = at
			if responses, _ := op["responses"].(map[string]any); len(responses) == 0 {
				t.Errorf("%s has no responses", at)
			}
			declared := map[string]bool{}
			parameters, _ := op["parameters"].([]any)
			for _, one := range parameters {
				one := one.(map[string]any)
				if one["in"] == "path" {
					declared[fmt.Sprint(one["name"])] = true
				}
			}
			for _, name := range inPath.FindAllStringSubmatch(path, -1) {
				if !declared[name[1]] {
					t.Errorf("%s does not declare {%s}", at, name[1])
				}
				delete(declared, name[1])
			}
			for name := range declared {
				t.Errorf("%s declares {%s}, which is not in the path", at, name)
			}
		}
	}
	if refs < 50 || len(operations) < 50 {
		t.Errorf("only %d references and %d operations", refs, len(operations))
	}
}

func eachRef(node any, visit func(ref string)) {
	switch v := node.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			visit(ref)
		}
		for _, child := range v {
			eachRef(child, visit)
		}
	case []any:
		for _, child := range v {
			eachRef(child, visit)
		}
	}
}

func resolves(doc map[string]any, ref string) bool {
	pointer, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return false
	}
	var node any = doc
	for part := range strings.SplitSeq(pointer, "/") {
		of, isMap := node.(map[string]any)
		if !isMap {
			return false
		}
		if node, ok = of[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)]; !ok {
			return false
		}
	}
	return true
}

// checkKinds holds every kind against the document: its schema is there, and
// the platform takes no field that the schema does not have.
func (p *platform) checkKinds(t *testing.T, doc map[string]any) {
	t.Helper()
	kinds, err := p.Kinds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		schema := "#/components/schemas/" + kind.Name
		if !resolves(doc, schema+"/properties/spec/properties") || !resolves(doc, schema+"List") {
			t.Errorf("kind %s has no schema", kind.Name)
		}
		object := fmt.Sprintf("{apiVersion: stoa.dev/v1, kind: %s, metadata: {name: odd}, spec: {noSuchField: 1}}", kind.Name)
		_, err := p.Apply(t.Context(), strings.NewReader(object), "odd.yaml", "", true)
		told, _ := err.(*client.Problem)
		if kind.Name == "Release" {
			continue // it is inferred first, and wants a source
		}
		if told == nil || !strings.Contains(told.Error(), "noSuchField") {
			t.Errorf("kind %s takes a field that its schema does not have: %v", kind.Name, err)
		}
	}
}

// checkNext holds every list to the one form of pages: the next is text.
func checkNext(t *testing.T, at string, node any) {
	t.Helper()
	switch node := node.(type) {
	case map[string]any:
		properties, _ := node["properties"].(map[string]any)
		if next, ok := properties["next"].(map[string]any); ok && properties["items"] != nil && next["type"] != "string" {
			t.Errorf("%s: the next of the list is %v, want string", at, next["type"])
		}
		for key, value := range node {
			checkNext(t, at+"/"+key, value)
		}
	case []any:
		for _, value := range node {
			checkNext(t, at, value)
		}
	}
}
