package object

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"reflect"
	"regexp"
	"strings"
	"sync"

	generate "github.com/invopop/jsonschema"
	validate "github.com/santhosh-tekuri/jsonschema/v6"
)

// schema is what a kind's spec must look like. Making one takes about half a
// millisecond, checking a spec about 10 µs.
type schema struct {
	document json.RawMessage // of the whole envelope
	tree     any             // document decoded, to look up what a place allows
	spec     *validate.Schema
	specType reflect.Type
}

// envelope is the schema of what all kinds share. Metadata is also checked in
// code (metadata.go), whose messages help more; this part is for editors.
const envelope = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "required": ["apiVersion", "kind", "metadata"],
  "additionalProperties": false,
  "properties": {
    "apiVersion": {"const": "stoa.dev/v1"},
    "kind": {"const": ""},
    "metadata": {
      "type": "object",
      "required": ["name"],
      "additionalProperties": false,
      "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", "description": "unique within the kind"},
        "title": {"type": "string", "description": "the name for people"},
        "description": {"type": "string"},
        "owner": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", "description": "the team that answers for it"},
        "labels": {
          "type": "object",
          "propertyNames": {"pattern": "^([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$"},
          "additionalProperties": {"type": "string", "pattern": "^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$"}
        },
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
        "finalizers": {"type": "array", "items": {"type": "string"}},
        "uid": {"type": "string", "readOnly": true},
        "version": {"type": "integer", "description": "when given, the write is refused unless this is the stored version"},
        "generation": {"type": "integer", "readOnly": true},
        "created": {"type": "string", "format": "date-time", "readOnly": true},
        "updated": {"type": "string", "format": "date-time", "readOnly": true},
        "deleted": {"type": "string", "format": "date-time", "readOnly": true}
      }
    },
    "spec": {},
    "status": {"type": "object", "readOnly": true}
  }
}`

// compileOnce returns a function that makes the kind's schema at its first call.
func compileOnce(k Kind) func() (*schema, error) {
	return sync.OnceValues(func() (*schema, error) {
		s, err := compile(k)
		if err != nil {
			return nil, fmt.Errorf("make schema of kind %s: %w", k.Name, err)
		}
		return s, nil
	})
}

func compile(k Kind) (*schema, error) {
	document, err := document(k)
	if err != nil {
		return nil, err
	}
	tree, err := validate.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, err
	}
	url := "urn:stoa:" + lowerKind(k.Name)
	c := validate.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(url, tree); err != nil {
		return nil, err
	}
	spec, err := c.Compile(url + "#/properties/spec")
	if err != nil {
		return nil, err
	}
	return &schema{document: document, tree: tree, spec: spec, specType: specType(k)}, nil
}

func specType(k Kind) reflect.Type {
	t := reflect.TypeOf(k.Spec)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// document makes the JSON Schema of the kind's envelope from its spec type.
func document(k Kind) (json.RawMessage, error) {
	root := specType(k)
	reflector := generate.Reflector{
		Anonymous:                  true,
		ExpandedStruct:             true,
		RequiredFromJSONSchemaTags: true,
		Namer:                      func(t reflect.Type) string { return definitionName(root, t) },
	}
	spec := reflector.ReflectFromType(root)
	spec.Version = ""
	definitions := spec.Definitions
	spec.Definitions = nil
	specJSON, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Schema      string                      `json:"$schema"`
		Title       string                      `json:"title"`
		Description string                      `json:"description,omitempty"`
		Type        string                      `json:"type"`
		Required    []string                    `json:"required"`
		Additional  bool                        `json:"additionalProperties"`
		Properties  map[string]json.RawMessage  `json:"properties"`
		Definitions map[string]*generate.Schema `json:"$defs,omitempty"`
	}
	if err := json.Unmarshal([]byte(envelope), &doc); err != nil {
		return nil, err
	}
	kind, err := json.Marshal(map[string]string{"const": k.Name})
	if err != nil {
		return nil, err
	}
	doc.Title, doc.Description = k.Name, k.About
	doc.Properties["kind"], doc.Properties["spec"] = kind, specJSON
	doc.Definitions = definitions
	if len(spec.Required) > 0 {
		doc.Required = append(doc.Required, "spec")
	}
	return json.Marshal(doc)
}

// definitionName keeps types of the same name in different packages apart and
// leaves out what may not stand in a reference, such as brackets of generics.
func definitionName(root, t reflect.Type) string {
	name := notInReference.ReplaceAllString(t.Name(), "_")
	if t.PkgPath() != root.PkgPath() && t.PkgPath() != "" {
		name = path.Base(t.PkgPath()) + "." + name
	}
	return name
}

var notInReference = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// at looks up the part of the schema that a validation error's location names.
func (s *schema) at(location string) map[string]any {
	_, pointer, _ := strings.Cut(location, "#")
	node := s.tree
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		switch v := node.(type) {
		case map[string]any:
			node = v[pointerUnescape(part)]
		default:
			return nil
		}
	}
	found, _ := node.(map[string]any)
	return found
}

func pointerUnescape(part string) string {
	return strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
}
