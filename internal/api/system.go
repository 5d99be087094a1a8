package api

import (
	"encoding/json"
	"net/http"
	"path"
	"reflect"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stoa-platform/stoa/internal/object"
)

func (a *api) systemRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := a.Ready(r.Context()); err != nil {
			writeProblem(w, w.Header().Set, w.WriteHeader, a.told(r.Context(), err))
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
}

func jsonResponse(description, ref string) *huma.Response {
	return &huma.Response{Description: description, Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Ref: ref}}}}
}

// openAPI serves the description of the API. It is made at the first request
// for it: the kinds' schemas come from the registry, the rest from huma.
func (a *api) openAPI() http.HandlerFunc {
	document := sync.OnceValues(a.describe)
	return func(w http.ResponseWriter, r *http.Request) {
		doc, err := document()
		if err != nil {
			writeProblem(w, w.Header().Set, w.WriteHeader, a.told(r.Context(), err))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(doc)
	}
}

func (a *api) describe() ([]byte, error) {
	raw, err := json.Marshal(a.huma.OpenAPI())
	if err != nil {
		return nil, err
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	components := doc["components"].(map[string]any)
	schemas := components["schemas"].(map[string]any)
	// It writes itself as a list, which huma cannot know.
	schemas["measure.Interval"] = map[string]any{
		"type": "array", "minItems": 2, "maxItems": 2, "items": map[string]any{"type": []string{"number", "null"}},
		"description": "Low and high end of the 95 % interval, null where the data do not bound it.",
	}
	for _, kind := range a.Pipe.Kinds().All() {
		if err := a.describeKind(schemas, kind); err != nil {
			return nil, err
		}
	}
	return json.MarshalIndent(doc, "", "  ")
}

// describeKind adds a kind's schema and that of a page of it. What the schema
// defines inside itself moves to names of its own.
func (a *api) describeKind(schemas map[string]any, kind object.Kind) error {
	raw, err := a.Pipe.Kinds().Schema(kind.Name)
	if err != nil {
		return err
	}
	raw = []byte(strings.ReplaceAll(string(raw), `"#/$defs/`, `"#/components/schemas/`+kind.Name+`.`))
	var schema map[string]any
	if err := json.Unmarshal(raw, &schema); err != nil {
		return err
	}
	if defs, ok := schema["$defs"].(map[string]any); ok {
		for name, def := range defs {
			schemas[kind.Name+"."+name] = def
		}
	}
	delete(schema, "$defs")
	delete(schema, "$schema")
	delete(schema, "$id")
	schemas[kind.Name] = schema
	schemas[kind.Name+"List"] = map[string]any{
		"type": "object",
		"properties": map[string]any{
			"items": map[string]any{"type": "array", "items": map[string]any{"$ref": "#/components/schemas/" + kind.Name}},
			"next":  map[string]any{"type": "string", "description": "The after of the next page; empty on the last."},
		},
	}
	return nil
}

// schemaName names the schema of a Go type. Types of the rooms carry their
// package's name, since two rooms may both have a Result.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	pkg := path.Base(t.PkgPath())
	if t.Name() == "" || pkg == "api" || pkg == "." {
		return name
	}
	return pkg + "." + name
}
