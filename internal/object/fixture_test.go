package object_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/object"
)

// gadget is a kind with one field of each sort that a spec may have.
type gadgetSpec struct {
	Type         string                 `json:"type,omitempty" jsonschema:"required,enum=backend,enum=frontend,enum=worker"`
	Image        string                 `json:"image" jsonschema:"required" jsonschema_description:"what is run"`
	Version      string                 `json:"version,omitempty"`
	Environments map[string]environment `json:"environments,omitempty"`
	Ports        []port                 `json:"ports,omitempty" jsonschema:"maxItems=3"`
	Tags         []string               `json:"tags,omitempty" jsonschema:"uniqueItems=true"`
	Public       bool                   `json:"public,omitempty"`
	Ratio        float64                `json:"ratio,omitempty" jsonschema:"exclusiveMinimum=0,maximum=1"`
	Params       map[string]any         `json:"params,omitempty"`
	Since        string                 `json:"since,omitempty" jsonschema:"format=date"`
}

type environment struct {
	Replicas int32  `json:"replicas,omitempty" jsonschema:"minimum=1,maximum=5000000000"`
	Memory   string `json:"memory,omitempty" jsonschema:"pattern=^[0-9]+(Mi|Gi)$,example=512Mi"`
}

type port struct {
	Name string `json:"name,omitempty" jsonschema:"minLength=1,maxLength=15"`
	Port int    `json:"port" jsonschema:"required,minimum=1,maximum=65535"`
}

func (gadgetSpec) Kind() string { return "Gadget" }

type plainSpec struct {
	Text string `json:"text,omitempty"`
}

func (plainSpec) Kind() string { return "RoadmapItem" }

// gadgetKind defaults the image from the name, as rooms do: by way of the Go type.
func gadgetKind() object.Kind {
	return object.Kind{
		Name: "Gadget", Plural: "gadgets", Short: "gd", About: "A thing to test with.", Spec: gadgetSpec{}, Owned: true,
		Default: func(o *object.Object) error {
			var spec gadgetSpec
			if err := json.Unmarshal(o.Spec, &spec); err != nil {
				return err
			}
			if spec.Image == "" && o.Metadata.Name != "imageless" {
				spec.Image = "registry/" + o.Metadata.Name
			}
			var err error
			o.Spec, err = json.Marshal(spec)
			return err
		},
		Validate: func(o object.Object) []object.Issue {
			var spec gadgetSpec
			if err := json.Unmarshal(o.Spec, &spec); err != nil {
				return []object.Issue{{Path: "spec", Message: err.Error()}}
			}
			if spec.Type == "worker" && len(spec.Ports) > 0 {
				return []object.Issue{{Path: "spec.ports", Message: "a worker has no ports"}}
			}
			return nil
		},
	}
}

func registry(t testing.TB) *object.Registry {
	t.Helper()
	r, err := object.NewRegistry(gadgetKind(), object.Kind{Name: "RoadmapItem", Plural: "roadmapitems", Spec: plainSpec{}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// decode reads the text of one object.
func decode(t testing.TB, text string) object.Parsed {
	t.Helper()
	parsed, err := object.Decode(strings.NewReader(text), "file.yaml")
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	if len(parsed) != 1 {
		t.Fatalf("got %d objects, want 1", len(parsed))
	}
	return parsed[0]
}

// manyGadgets gives n documents of the size of a usual service.
func manyGadgets(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `apiVersion: stoa.dev/v1
kind: Gadget
metadata:
  name: shop-%d
  title: Shop number %d
  description: Sells things to people who want them
  owner: payments
  labels:
    tier: web
    app.kubernetes.io/part-of: store
spec:
  type: backend
  image: registry.example.com/payments/shop:%d
  version: "1.10"
  environments:
    dev:
      replicas: 1
      memory: 128Mi
    prod:
      replicas: 3
      memory: 1Gi
  ports:
    - name: http
      port: 8080
  tags: [go, http, store]
  public: true
---
`, i, i, i)
	}
	return b.String()
}
