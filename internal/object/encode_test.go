package object_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/object"
)

func TestEncodeYAMLReadsAsWrittenByHand(t *testing.T) {
	o := object.Object{
		APIVersion: object.APIVersion, Kind: "Gadget",
		Metadata: object.Metadata{Name: "shop", Owner: "payments", Labels: map[string]string{"b": "on", "a": "1.0"}},
		Spec:     json.RawMessage(`{"zone":"x","ports":[{"port":80,"name":"http"}],"empty":{},"none":[],"name":"node","notes":"one\ntwo\n","since":"2026-01-02","version":"1.10","octal":"0755","public":false,"ratio":1.50}`),
	}
	const want = `apiVersion: stoa.dev/v1
kind: Gadget
metadata:
  name: shop
  owner: payments
  labels:
    a: "1.0"
    b: "on"
spec:
  name: node
  notes: |
    one
    two
  octal: "0755"
  public: false
  ratio: 1.50
  since: "2026-01-02"
  version: "1.10"
  zone: x
  empty: {}
  none: []
  ports:
    - name: http
      port: 80
`
	got, err := object.EncodeYAML(o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

// What is written reads back as it was, whatever the text.
func TestEncodeYAMLRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.String(),
			rapid.StringMatching(`[-+0-9.:eExo_~ <>=|!&*#'"{}\[\],%@]{0,12}`),
			rapid.SampledFrom([]string{"no", "Null", "TRUE", "y", "<<", "---", "...", "a: b", "a #b", " a", "a ", "\n", "a\n\nb", "\ta\n", "a\n b\n", "x\n\n", "\u0085", "\u2028", "\ufeff", "- a"}),
		)
		var value *rapid.Generator[any]
		value = rapid.Custom(func(t *rapid.T) any {
			switch rapid.IntRange(0, 6).Draw(t, "sort") {
			case 0:
				return rapid.Bool().Draw(t, "bool")
			case 1:
				return rapid.Int64().Draw(t, "int")
			case 2:
				return rapid.Float64().Draw(t, "float")
			case 3:
				return rapid.SliceOfN(value, 0, 3).Draw(t, "list")
			case 4:
				return rapid.MapOfN(text, value, 0, 3).Draw(t, "map")
			default:
				return text.Draw(t, "text")
			}
		})
		spec, err := json.Marshal(rapid.MapOfN(text, value, 0, 4).Draw(t, "spec"))
		if err != nil {
			t.Fatal(err)
		}
		o := object.Object{APIVersion: object.APIVersion, Kind: "Gadget", Spec: spec, Metadata: object.Metadata{
			Name:        "shop",
			Description: text.Draw(t, "description"),
			Annotations: rapid.MapOfN(text, text, 0, 2).Draw(t, "annotations"),
		}}
		encoded, err := object.EncodeYAML(o)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		parsed, err := object.Decode(bytes.NewReader(encoded), "")
		if err != nil || len(parsed) != 1 {
			t.Fatalf("%d objects, %v, of\n%s", len(parsed), err, encoded)
		}
		sameObject(t, o, parsed[0].Object)
		again, err := object.EncodeYAML(parsed[0].Object)
		if err != nil || !bytes.Equal(encoded, again) {
			t.Fatalf("not stable:\n%s\n%s", encoded, again)
		}
		if changes := object.Diff(mustJSON(t, o), mustJSON(t, parsed[0].Object)); len(changes) > 0 {
			t.Fatalf("changes %v", changes)
		}
	})
}

// sameObject compares objects by what their JSON means.
func sameObject(t rapid.TB, a, b object.Object) {
	t.Helper()
	var x, y any
	for _, side := range []struct {
		o object.Object
		v *any
	}{{a, &x}, {b, &y}} {
		d := json.NewDecoder(bytes.NewReader(mustJSON(t, side.o)))
		d.UseNumber()
		if err := d.Decode(side.v); err != nil {
			t.Fatalf("decode: %v", err)
		}
	}
	if diff := cmp.Diff(x, y); diff != "" {
		t.Fatalf("objects differ: %s", diff)
	}
}

func mustJSON(t rapid.TB, o object.Object) []byte {
	t.Helper()
	raw, err := json.Marshal(o)
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	return raw
}

func TestDiff(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"same":             {`{"spec":{"a":1}}`, `{"spec":{"a":1.0}}`, ""},
		"order of fields":  {`{"spec":{"a":1,"b":2}}`, `{"spec":{"b":2,"a":1}}`, ""},
		"changed":          {`{"spec":{"a":1,"b":{"c":"x"}}}`, `{"spec":{"a":2,"b":{"c":"y"}}}`, `spec.a 1→2; spec.b.c "x"→"y"`},
		"added, removed":   {`{"spec":{"a":1}}`, `{"spec":{"b":{"c":2}}}`, `spec.a 1→; spec.b →{"c":2}`},
		"null is a value":  {`{"spec":{"a":null}}`, `{"spec":{}}`, `spec.a null→`},
		"other type":       {`{"spec":{"a":[1]}}`, `{"spec":{"a":{"b":1}}}`, `spec.a [1]→{"b":1}`},
		"list, in place":   {`{"spec":{"a":[{"p":1},{"p":2}]}}`, `{"spec":{"a":[{"p":1},{"p":3}]}}`, `spec.a[1].p 2→3`},
		"list, in front":   {`{"spec":{"a":["x","y"]}}`, `{"spec":{"a":["n","x","y"]}}`, `spec.a[0] →"n"`},
		"list, at the end": {`{"spec":{"a":["x","y"]}}`, `{"spec":{"a":["x"]}}`, `spec.a[1] "y"→`},
		"label":            {`{"metadata":{"labels":{}}}`, `{"metadata":{"labels":{"a.b/c":"d"}}}`, `metadata.labels["a.b/c"] →"d"`},
		"set by the store": {`{"metadata":{"name":"a","version":1,"uid":"x"},"status":{"a":1}}`, `{"metadata":{"name":"a","version":2},"status":{"a":2}}`, ""},
		"new object":       {``, `{"kind":"A","spec":{"a":1}}`, `kind →"A"; spec →{"a":1}`},
		"huge numbers":     {`{"spec":{"a":1e999999999}}`, `{"spec":{"a":1e999999998}}`, `spec.a 1e999999999→1e999999998`},
		"no object":        {`x`, `{}`, ` x→{}`},
	} {
		var got []string
		for _, change := range object.Diff([]byte(c.old), []byte(c.new)) {
			got = append(got, change.Path+" "+string(change.Old)+"→"+string(change.New))
		}
		if joined := strings.Join(got, "; "); joined != c.want {
			t.Errorf("%s: got %s, want %s", name, joined, c.want)
		}
	}
}
