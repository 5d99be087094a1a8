package backstage

import (
	"os"
	"reflect"
	"testing"

	"github.com/stoa-platform/stoa/internal/object"
)

// Whatever a file holds: what is told has a line, what is read can be kept,
// read again and given back.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"catalog-info.yaml", "all.yaml", "org/users.yaml", "services/shop/catalog-info.yaml", "apis/catalog-info.yaml", "templates/new/skeleton/catalog-info.yaml"} {
		data, err := os.ReadFile("testdata/acme/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: &m {name: a, labels: &l {x: y}, annotations: *l}\nspec:\n  owner: {kind: User, name: b}\n  definition: \"a\\tb\\n  c \\n\"\n  x: |+\n    keep\n\n"))
	f.Add([]byte("--- {apiVersion: acme/v1, kind: X, metadata: {name: a}, spec: &s {<<: [*s], 1: 2, ? [a] : b}}\n...\n"))
	f.Add([]byte("apiVersion: backstage.io/v1alpha1\r\nkind: Group\r\nmetadata: {name: a}\r\nspec: {members: [b, ~, {name: c}], children: d, parent: a}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		entities, _, wrong := Parse("f", data)
		for _, w := range wrong {
			if w.Line < 1 || w.Message == "" || w.Source != "f" {
				t.Errorf("told is %+v", w)
			}
		}
		translation, bad := Translate(entities)
		if len(bad) > 0 {
			return
		}
		var platform []object.Object
		want := map[Ref]any{}
		for _, item := range translation.Items {
			platform = append(platform, item.Object)
			if e := item.Entity; e != nil {
				value, err := values(e.root)
				if err != nil {
					return // it stands for itself, which nothing can write out
				}
				want[e.Ref] = value
				if _, ok := Kept(item.Object); !ok {
					t.Fatalf("%s cannot be read again: %q", e.Ref, item.Object.Metadata.Annotations[AnnotationEntity])
				}
			}
		}
		docs, lost, err := Export(platform)
		if err != nil || len(lost) > 0 {
			t.Fatal(err, lost)
		}
		for _, doc := range docs {
			got, err := Values(doc.Text)
			if err != nil || !reflect.DeepEqual(got, want[doc.Ref]) {
				t.Errorf("%s was %#v, is %#v, %v", doc.Ref, want[doc.Ref], got, err)
			}
			delete(want, doc.Ref)
		}
		if len(want) > 0 {
			t.Errorf("not given back: %v", want)
		}
	})
}

func FuzzParseRef(f *testing.F) {
	for _, seed := range []string{"a", "user:a", "b/a", "user:b/a", "a:b:c", "//", "ä/ö"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := ParseRef(text, "group", "default")
		if err != nil {
			return
		}
		again, err := ParseRef(ref.String(), "", "")
		if err != nil || again != ref {
			t.Errorf("%q is %s, and that %s, %v", text, ref, again, err)
		}
		for _, o := range []object.Ref{ref.object(), ref.team()} {
			if !object.ValidName(o.Name) {
				t.Errorf("%s is named %q", ref, o.Name)
			}
		}
	})
}
