package object_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

func TestDecodeReads(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string // kind/name and spec of each object
	}{
		"nothing":          {"", nil},
		"only comments":    {"# a\n---\n# b\n...\n---\n", nil},
		"byte order mark":  {"\ufeffkind: A\nmetadata: {name: a}\n", []string{"a/a "}},
		"two documents":    {"kind: A\nmetadata: {name: a}\nspec: {x: 1}\n--- # next\nkind: B\nmetadata: {name: b}\n", []string{`a/a {"x":1}`, "b/b "}},
		"windows lines":    {"kind: A\r\nmetadata:\r\n  name: a\r\n---\r\nkind: B\r\nmetadata: {name: b}\r\n", []string{"a/a ", "b/b "}},
		"directive":        {"%YAML 1.2\n---\nkind: A\nmetadata: {name: a}\n", []string{"a/a "}},
		"JSON":             {`{"kind":"A","metadata":{"name":"a"},"spec":{"x":[1,2.50,true,null,"\ud83d\ude00 \" \u003c"]}}`, []string{"a/a {\"x\":[1,2.50,true,null,\"😀 \\\" \\u003c\"]}"}},
		"JSON with tabs":   {"{\n\t\"kind\": \"A\",\n\t\"metadata\": {\"name\": \"a\"}\n}", []string{"a/a "}},
		"JSON lines":       {"{\"kind\":\"A\",\"metadata\":{\"name\":\"a\"}}\n{\"kind\":\"B\",\"metadata\":{\"name\":\"b\"}}\n", []string{"a/a ", "b/b "}},
		"flow YAML":        {"{kind: A, metadata: {name: a}}", []string{"a/a "}},
		"list of kind":     {"kind: List\nitems:\n- kind: A\n  metadata: {name: a}\n- kind: B\n  metadata: {name: b}\n", []string{"a/a ", "b/b "}},
		"page of the API":  {`{"items":[{"kind":"A","metadata":{"name":"a"}}],"next":"x"}`, []string{"a/a "}},
		"plain sequence":   {"- kind: A\n  metadata: {name: a}\n", []string{"a/a "}},
		"text, not values": {"kind: A\nspec: {on: no, a: y, b: 1:30, c: 2026-01-02, d: 1_000, e: '1', f: !!str 1, g: -, h: 1.2.3, i: 0.0.0.0}\n", []string{`a/ {"on":"no","a":"y","b":"1:30","c":"2026-01-02","d":"1_000","e":"1","f":"1","g":"-","h":"1.2.3","i":"0.0.0.0"}`}},
		"values":           {"kind: A\nspec: {a: 1.10, b: +5, c: -3e2, d: True, e: ~, f: , g: 0}\n", []string{`a/ {"a":1.10,"b":5,"c":-3e2,"d":true,"e":null,"f":null,"g":0}`}},
		"blocks":           {"kind: A\nspec:\n  a: |\n    x\n     ---\n  b: >\n    y\n    z\n", []string{`a/ {"a":"x\n ---\n","b":"y z\n"}`}},
		"aliases":          {"kind: A\nspec:\n  a: &x {p: 1, q: 2}\n  b: *x\n  c: {<<: *x, q: 3}\n  d: {<<: [*x, {r: 4}]}\n", []string{`a/ {"a":{"p":1,"q":2},"b":{"p":1,"q":2},"c":{"q":3,"p":1},"d":{"p":1,"q":2,"r":4}}`}},
		"keys as text":     {"kind: A\nspec: {1: a, true: b, ~: c, a b: d}\n", []string{`a/ {"1":"a","true":"b","~":"c","a b":"d"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			parsed, err := object.Decode(strings.NewReader(c.text), "f")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i, p := range parsed {
				if p.Document != i+1 || p.Source != "f" {
					t.Errorf("object %d is document %d of %q", i, p.Document, p.Source)
				}
				got = append(got, p.Ref().String()+" "+string(p.Spec))
			}
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"duplicate key":      {"kind: A\nspec:\n  a: 1\n  b: 2\n  a: 3\n", "f:5: spec.a: is given twice, first in line 3"},
		"duplicate in JSON":  {"{\"kind\":\"A\",\n\"kind\":\"B\"}", "f:2: kind: is given twice, first in line 1"},
		"tab":                {"kind: A\nspec:\n\ta: 1\n", "f:3: is indented with a tab; YAML takes spaces only"},
		"indentation":        {"kind: A\nspec:\n    a: 1\n  b: 2\n", "the indentation does not fit the lines around it"},
		"colon in a value":   {"kind: A\nspec:\n  a: b: c\n", "f:3: is not YAML: a second ':' on the line"},
		"open quote":         {"kind: A\nspec:\n  a: \"b\n", "a quote or bracket is not closed"},
		"no value":           {"kind: A\nspec:\n  a: 1\n  bcd\n", "f:"},
		"at sign":            {"kind: A\nmetadata: {name: a, owner: @team}\n", "f:2: is not YAML: a value may not begin with @"},
		"unfinished JSON":    {"{\"kind\": \"A\",\n \"spec\": {\n", "f:"},
		"comma in JSON":      {"{\"kind\": \"A\",\n \"spec\": {\"a\": 1 \"b\": 2}}", "f:2: is not JSON: invalid character"},
		"text":               {"hello\n", "f:1: is not an object"},
		"entry of a list":    {"kind: List\nitems:\n- kind: A\n- x\n", "f:4: is not an object"},
		"after the end":      {"{a: b}\nkind: A\n", "something follows the end of the document"},
		"unknown field":      {"kind: A\nmetdata: {name: a}\n", "f:2: metdata: unknown field; did you mean metadata?"},
		"unknown metadata":   {"kind: A\nmetadata:\n  name: a\n  label: {}\n", "f:4: metadata.label: unknown field; did you mean labels?"},
		"merged metadata":    {"kind: A\nspec: &x {foo: 1}\nmetadata:\n  name: a\n  <<: *x\n", "metadata.foo: unknown field"},
		"name as number":     {"kind: A\nmetadata:\n  name: 123\n", `f:3: metadata.name: must be text, and 123 reads as a number: write "123" in quotes`},
		"label as boolean":   {"kind: A\nmetadata:\n  labels:\n    a: true\n", `f:4: metadata.labels.a: must be text, and true reads as a boolean`},
		"labels as list":     {"kind: A\nmetadata:\n  labels: [a]\n", "f:3: metadata.labels: must be a map of fields"},
		"finalizers as text": {"kind: A\nmetadata:\n  finalizers: a\n", "f:3: metadata.finalizers: must be a list"},
		"version as text":    {"kind: A\nmetadata:\n  version: a\n", "f:3: metadata.version: must be a whole number"},
		"created as text":    {"kind: A\nmetadata:\n  created: yesterday\n", "f:3: metadata.created: must be a time"},
		"kind as list":       {"kind: [A]\n", "f:1: kind: must be text, not a list"},
		"spec as list":       {"kind: A\nspec: [a]\n", "f:2: spec: must be a map of fields"},
		"metadata as text":   {"kind: A\nmetadata: a\n", "f:2: metadata: must be a map of fields"},
		"octal":              {"kind: A\nspec:\n  mode: 0755\n", `f:3: spec.mode: 0755 is read as different numbers by different tools: write a plain decimal number, or "0755" in quotes for text`},
		"hexadecimal":        {"kind: A\nspec: {a: 0x1F}\n", "is read as different numbers"},
		"bare fraction":      {"kind: A\nspec: {a: .5}\n", "is read as different numbers"},
		"infinity":           {"kind: A\nspec: {a: -.inf}\n", "-.inf is not a number that can be stored"},
		"tag":                {"kind: A\nspec: {a: !!binary aGk=}\n", "has the tag !!binary"},
		"key as map":         {"kind: A\nspec:\n  ? {a: b}\n  : c\n", "has a key that is not text"},
		"merge of text":      {"kind: A\nspec: {<<: a}\n", "<< must name a map of fields"},
		"unknown alias":      {"kind: A\nspec: {a: *b}\n", "unknown anchor"},
		"not UTF-8":          {"kind: A\nspec: {a: \xff}\n", "f:2: is not UTF-8"},
		"NUL":                {"kind: A\nspec: {a: \x00}\n", "f:"},
		"deep":               {"kind: A\nspec: {a: " + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}\n", "is nested more than 100 deep"},
		"very deep":          {strings.Repeat("[", 500_000), "f:1: "},
		"large document":     {"kind: A\nspec: {a: " + strings.Repeat("x", object.MaxDocument) + "}\n", "the object has more than 1024 KiB"},
		"large list":         {"- " + strings.Repeat("x", object.MaxList), "the limit is 8388608"},
		"dense":              {"- [" + strings.Repeat("a,", 600_000) + "]", "entries, the limit is 500000"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := object.Decode(strings.NewReader(c.text), "f")
			if !problem.Is(err, problem.Invalid) {
				t.Fatalf("error %v, want Invalid", err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %.300s\nwant %s", err, c.want)
			}
		})
	}
}

// Aliases that multiply end at a limit, in little time.
func TestDecodeStopsAliasBombs(t *testing.T) {
	levels := func(merge bool) string {
		var b strings.Builder
		b.WriteString("kind: A\nspec:\n  a0: &a0 {k: v}\n")
		for i := 1; i < 40; i++ {
			uses := strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", ")
			if merge {
				uses = "{<<: [" + uses + "]}"
			} else {
				uses = "[" + uses + "]"
			}
			fmt.Fprintf(&b, "  a%d: &a%d %s\n", i, i, uses)
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"lists":  levels(false),
		"merges": levels(true),
		"itself": "kind: A\nspec: &a {b: *a}\n",
		"merged": "kind: A\nspec: &a {<<: *a}\n",
	} {
		start := time.Now()
		_, err := object.Decode(strings.NewReader(text), "f")
		if !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: error %v, want Invalid", name, err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: took %s", name, took)
		}
	}
}

// All documents are told of at once, the first 20 fields and the count of the rest.
func TestDecodeTellsOfAllDocuments(t *testing.T) {
	var b strings.Builder
	for i := range 30 {
		fmt.Fprintf(&b, "kind: A\nmetadata: {name: a%d}\nbad: 1\n---\nkind: A\n---\n", i)
	}
	_, err := object.Decode(strings.NewReader(b.String()), "")
	var p *problem.Problem
	if !errors.As(err, &p) {
		t.Fatal(err)
	}
	if want := "30 of 60 documents of the input cannot be read"; p.Title != want {
		t.Errorf("title %q, want %q", p.Title, want)
	}
	if len(p.Fields) != 20 || p.Fields[1].Source != "document 3" || p.Fields[1].Line != 9 {
		t.Errorf("%d fields, the second %+v", len(p.Fields), p.Fields[1])
	}
	if len(p.Why) != 1 || p.Why[0] != "and 10 more wrong fields" {
		t.Errorf("why %q", p.Why)
	}
}

func TestDecodeLimits(t *testing.T) {
	many := strings.Repeat("kind: A\n---\n", object.MaxDocuments+1)
	if _, err := object.Decode(strings.NewReader(many), "f"); !problem.Is(err, problem.TooLarge) {
		t.Errorf("too many documents: %v", err)
	}
	list := "[" + strings.Repeat("{},", object.MaxDocuments) + "{}]"
	if _, err := object.Decode(strings.NewReader(list), "f"); !problem.Is(err, problem.TooLarge) {
		t.Errorf("too many objects in a list: %v", err)
	}
	if _, err := object.Decode(strings.NewReader(strings.Repeat("# comment\n", object.MaxInput/10+1)), "f"); !problem.Is(err, problem.TooLarge) {
		t.Errorf("too many bytes: %v", err)
	}
	if _, err := object.Decode(failing{}, "f"); err == nil || !strings.Contains(err.Error(), "read f: disk gone") {
		t.Errorf("failing reader: %v", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("disk gone") }

func TestLineOfFields(t *testing.T) {
	const text = `# a comment
apiVersion: stoa.dev/v1
kind: A
metadata:
  name: a
  labels:
    app.kubernetes.io/name: b
spec:
  text: |
    one
    two
  list:
  - a: 1
    b: 2
  -
    a: 3
`
	asJSON := "{\"kind\": \"A\",\n \"spec\": {\n \"list\": [\n {\"a\": 1},\n {\"a\":\n 2}]}}"
	for _, c := range []struct {
		text, path string
		want       int
	}{
		{text, "", 2},
		{text, "kind", 3},
		{text, "metadata.name", 5},
		{text, `metadata.labels["app.kubernetes.io/name"]`, 7},
		{text, "spec.text", 9},
		{text, "spec.list[0].b", 14},
		{text, "spec.list.0.b", 14},
		{text, "spec.list[1].a", 16},
		{text, "spec.list[1].none", 16},
		{text, "spec.none.deeper", 8},
		{text, "none", 2},
		{asJSON, "spec.list[1]", 5},
		{asJSON, "spec.list[0].a", 4},
	} {
		if got := decode(t, c.text).Line(c.path); got != c.want {
			t.Errorf("line of %q is %d, want %d", c.path, got, c.want)
		}
	}
	if got := (object.Parsed{}).Line("spec"); got != 0 {
		t.Errorf("line without a file is %d, want 0", got)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		manyGadgets(2),
		"kind: A\nspec:\n  a: &x {p: 1}\n  b: {<<: *x}\n",
		`{"items":[{"kind":"A","spec":{"a":[1,-2e3,"\u0000"]}}]}`,
		"- kind: A\n  spec: {a: 0x1, b: .5, c: ~, d: 1:30}\n",
		"%TAG ! a\n--- |\n x\n...\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := object.Decode(strings.NewReader(string(data)), "fuzz")
		if err != nil {
			if parsed != nil {
				t.Fatal("objects beside an error")
			}
			if problem.From(err).Kind == problem.Internal {
				t.Fatalf("not told as a problem: %v", err)
			}
			return
		}
		lines := strings.Count(string(data), "\n") + 1
		for _, p := range parsed {
			if line := p.Line("spec"); line < 1 || line > lines {
				t.Fatalf("line %d of %d", line, lines)
			}
			text, err := object.EncodeYAML(p.Object)
			if err != nil {
				t.Fatalf("encode: %v", err)
			}
			again, err := object.Decode(strings.NewReader(string(text)), "again")
			if err != nil || len(again) != 1 {
				t.Fatalf("%d objects, %v, of\n%s", len(again), err, text)
			}
			sameObject(t, p.Object, again[0].Object)
		}
	})
}
